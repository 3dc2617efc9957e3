import { type ContentOptions, type Image, readFiles, type Store } from '@sealos/image';
import type { Environment } from '../cluster/cluster.ts';
import type { HostFile } from '../host/host.ts';
import { imageEnvironment } from '../image-contract/cluster-image.ts';
import { isTemplatePath, renderTemplates } from './render.ts';

/**
 * Renders an image's templates with its own environment and `given` laid over, for somebody who looks at them: no host's facts are
 * known. Paths are relative to the image's root. Throws `bad-template` (exit 2).
 */
export async function renderImage(
  store: Store,
  image: Image,
  given: Environment,
  options: ContentOptions = {},
): Promise<readonly HostFile[]> {
  const templates = await readFiles(store, image, ({ path }) => isTemplatePath(path), options);
  const env = new Map<string, string>([...imageEnvironment(image.config.config?.Env ?? []), ...given]);
  env.delete('PATH');
  return renderTemplates(templates, env, '');
}
