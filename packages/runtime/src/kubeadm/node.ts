import { isIP } from 'node:net';
import { cgroupDriver } from '../image-contract/environment.ts';
import { criSocket } from './defaults.ts';
import { type ClusterNetworking, isDualStack } from './networking.ts';
import type { KubeadmHost, KubeadmInput } from './plan.ts';
import type { Tree } from './tree.ts';
import { atLeast } from './version.ts';

const containerdSocket = '/run/containerd/containerd.sock';

/** The name under which Kubernetes knows a host: its host name in lower case. */
export function nodeName(hostname: string): string {
  return hostname.trim().toLowerCase();
}

/** The cgroup driver of a host: what was found there, else what its facts suggest. */
export function hostCgroupDriver(host: KubeadmHost): 'systemd' | 'cgroupfs' {
  return host.cgroupDriver ?? cgroupDriver(host.facts);
}

/** What InitConfiguration and JoinConfiguration say alike of a host. */
export function nodeDefaults(input: KubeadmInput, host: KubeadmHost, networking: ClusterNetworking): Tree {
  return {
    nodeRegistration: {
      name: nodeName(host.facts.hostname),
      criSocket: criSocket(input.version, input.criSocket ?? containerdSocket),
      ignorePreflightErrors: preflightExceptions(host),
      kubeletExtraArgs: [{ name: 'node-ip', value: nodeAddresses(input, host, networking).join(',') }],
      // A cluster of one host runs its workloads there.
      ...(input.hosts.length === 1 ? { taints: [] } : {}),
    },
  };
}

/**
 * The address by which we know a host, and where pods have addresses of both families one of the other, so that host ports and
 * pods on the host's network are reached by both. (kubelet takes two since 1.20.)
 */
function nodeAddresses(
  { version, vip }: KubeadmInput,
  { address: { ip }, facts }: KubeadmHost,
  networking: ClusterNetworking,
): readonly string[] {
  if (!isDualStack(networking) || !atLeast(version, '1.20')) return [ip];
  const other = facts.addresses?.find(
    (one) => isIP(one) !== 0 && isIP(one) !== isIP(ip) && one !== vip && !/^(?:127\.|169\.254\.|::1$|fe[89ab])/i.test(one),
  );
  return other === undefined ? [ip] : [ip, other];
}

/** What kubeadm's preflight would refuse although it is known of the host and provided for. */
function preflightExceptions({ facts }: KubeadmHost): readonly string[] {
  return [
    // Kernels and distributions that kubeadm has not heard of.
    'SystemVerification',
    ...(facts.swapOn ? ['Swap'] : []),
    ...(facts.kernelFeatures.bridgeNetfilter
      ? []
      : ['FileContent--proc-sys-net-bridge-bridge-nf-call-iptables', 'FileContent--proc-sys-net-bridge-bridge-nf-call-ip6tables']),
  ];
}

/** Where a host differs from the configuration that all kubelets share, as arguments of its own kubelet. */
export function kubeletDifferences(
  host: KubeadmHost,
  shared: { readonly cgroupDriver?: unknown; readonly failSwapOn?: unknown },
): readonly Tree[] {
  const driver = hostCgroupDriver(host);
  return [
    ...(shared.cgroupDriver === undefined || shared.cgroupDriver === driver ? [] : [{ name: 'cgroup-driver', value: driver }]),
    ...(host.facts.swapOn && shared.failSwapOn === true ? [{ name: 'fail-swap-on', value: 'false' }] : []),
  ];
}
