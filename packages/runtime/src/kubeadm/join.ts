import { isIPv4 } from 'node:net';
import { mergeTrees } from './merge.ts';
import type { ClusterNetworking } from './networking.ts';
import { kubeletDifferences, nodeDefaults, nodeName } from './node.ts';
import type { KubeadmHost, KubeadmInput } from './plan.ts';
import { type Tree, withValue } from './tree.ts';

/** `kubeadm join` knows these of the phases that an image may leave out, and refuses names that it does not know. */
const joinPhases = ['preflight', 'control-plane-prepare', 'kubelet-start', 'control-plane-join', 'wait-control-plane'];

export interface JoinContext {
  /** Where the cluster begins. */
  readonly first: KubeadmHost;
  /** What all kubelets share, where nobody but us decided it. */
  readonly shared: Tree;
  readonly apiPort: number;
  readonly networking: ClusterNetworking;
  /** Lays the image's and the user's JoinConfigurations over. */
  readonly over: (base: Tree) => Tree;
}

/** The canonical JoinConfiguration of one host; a master joins at master0, a worker where workers find the API. */
export function joinDocument(input: KubeadmInput, host: KubeadmHost, { first, shared, apiPort, networking, over }: JoinContext): Tree {
  const endpoint = (ip: string) => `${isIPv4(ip) ? ip : `[${ip}]`}:${apiPort}`;
  const standard = mergeTrees(nodeDefaults(input, host, networking), {
    caCertPath: '/etc/kubernetes/pki/ca.crt',
    timeouts: { discovery: '5m0s' },
    nodeRegistration: { kubeletExtraArgs: kubeletDifferences(host, shared) },
    skipPhases: (input.skipPhases ?? []).filter((phase) => joinPhases.includes(phase.split('/')[0] ?? phase)),
  });
  const joined = mergeTrees(withValue(over(standard), ['discovery'], undefined), {
    nodeRegistration: { name: nodeName(host.facts.hostname) },
    discovery: {
      bootstrapToken: {
        apiServerEndpoint: host.role === 'master' ? endpoint(first.address.ip) : (input.workerEndpoint ?? endpoint(input.vip)),
        token: input.token,
        caCertHashes: [input.caCertHash],
      },
    },
  });
  if (host.role === 'worker') return withValue(joined, ['controlPlane'], undefined);
  return mergeTrees(joined, { controlPlane: { localAPIEndpoint: { advertiseAddress: host.address.ip, bindPort: apiPort } } });
}
