import { badInput } from '@sealos/image';
import { type K3sInput, k3sConfig, k3sNetworking } from '../k3s/documents.ts';
import type { K3sPlan } from '../k3s/k3s-plan.ts';
import { ensureTokens, TOKEN_FILES } from '../k3s/tokens.ts';
import type { ClusterNetworking } from '../kubeadm/networking.ts';
import { hostLayout } from '../layout.ts';
import type { LoadedImage } from './load-image.ts';
import { API_NAME, API_PORT, type PrepareInput, type ReachedHost } from './prepare.ts';

/** The networks of a k3s cluster. Throws bad input for documents that mean nothing to it. */
export function networkingOfK3s(
  input: Pick<PrepareInput, 'userDocuments' | 'userK3s'>,
  rootfs: LoadedImage,
  addresses: { readonly vip: string; readonly master: string },
): ClusterNetworking {
  const [document] = input.userDocuments;
  if (document) {
    throw badInput(
      'not-for-k3s',
      `${rootfs.contract.name} is a k3s image: ${document.kind} is a document of kubeadm, which is not there`,
      "leave it out; options of k3s are a document without a kind, such as 'cluster-cidr: 10.42.0.0/16'",
    );
  }
  return k3sNetworking({ imageOptions: rootfs.k3s, userOptions: input.userK3s }, addresses);
}

/** The configuration of k3s on every host, and the tokens that let hosts in. */
export async function prepareK3s(input: PrepareInput, rootfs: LoadedImage, vip: string, seat: ReachedHost): Promise<K3sPlan> {
  const { state, dryRun } = input;
  const { etc } = hostLayout(input.cluster.name);
  const hosts = input.hosts.map(({ spec, facts }) => ({
    address: spec.address,
    role: spec.roles.includes('master') ? ('master' as const) : ('worker' as const),
    facts,
  }));
  const all: K3sInput = {
    seat: seat.spec.address,
    hosts,
    vip,
    apiName: API_NAME,
    apiPort: API_PORT,
    imageOptions: rootfs.k3s,
    userOptions: input.userK3s,
    tokenFile: `${etc}/${TOKEN_FILES.server}`,
    agentTokenFile: `${etc}/${TOKEN_FILES.agent}`,
  };
  const configs = new Map(hosts.map((host) => [host.address.ip, k3sConfig(all, host)]));
  return {
    config: ({ ip }) => configs.get(ip) ?? '',
    tokens: await ensureTokens(state, { dryRun }),
    operator: {
      readKubeconfig: () => state.readSecret('admin.conf'),
      writeKubeconfig: (text) => state.writeSecret('admin.conf', text),
    },
  };
}
