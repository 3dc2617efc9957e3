import type { Environment } from '../cluster/cluster.ts';
import type { ClusterImage } from '../image-contract/cluster-image.ts';
import { hostEnvironment } from '../image-contract/environment.ts';
import type { PrepareInput, ReachedHost } from './prepare.ts';

const nothing: Environment = new Map();

/** What an image's scripts, templates and commands see on a host. `commandLine` is what `-e` gave the image, by default as it is kept. */
export function environmentOf(
  input: PrepareInput,
  image: ClusterImage,
  reached: ReachedHost,
  kubeVersion: string | undefined,
  commandLine = input.given.get(image.name) ?? nothing,
): Environment {
  const { env, warnings } = hostEnvironment({
    image: image.env,
    cluster: input.cluster.env,
    commandLine,
    host: reached.spec.env,
    roles: reached.spec.roles,
    kubeVersion,
    sealosVersion: input.sealosVersion,
    facts: reached.facts,
  });
  for (const warning of warnings) input.warn(warning);
  return new Map([...env, ...(input.networks ?? [])]);
}
