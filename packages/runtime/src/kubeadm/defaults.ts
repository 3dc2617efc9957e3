import type { HostFacts } from '../host/host.ts';
import { defaultFeatureGates, dualStackGate } from './kubelet.ts';
import type { Tree } from './tree.ts';
import { atLeast, type KubeadmApi } from './version.ts';

// What sealos asks of kubeadm where neither the image nor the user says otherwise, in v1beta4's form. Only what differs from kubeadm's
// own defaults is written. Left at kubeadm's because sealos's are unsafe: etcd's metrics and kubelet's healthz stay on loopback
// (sealos: every address, without authentication), images are pulled where missing (sealos: never), and of /etc/kubernetes the API
// server's container can write nothing. Kept as sealos has it: kube-proxy's metrics on every address, which monitoring relies on.

/** 100 years as sealos counts them. */
export const centuryOfHours = '876000h';

/** hostPath volumes and arguments of the API server's audit log. */
const audit = {
  arguments: {
    'audit-log-format': 'json',
    'audit-log-maxage': '7',
    'audit-log-maxbackup': '10',
    'audit-log-maxsize': '100',
    'audit-log-path': '/var/log/kubernetes/audit.log',
    'audit-policy-file': '/etc/kubernetes/audit-policy.yml',
  },
  volumes: [
    { name: 'audit', hostPath: '/etc/kubernetes', mountPath: '/etc/kubernetes', readOnly: true, pathType: 'DirectoryOrCreate' },
    { name: 'audit-log', hostPath: '/var/log/kubernetes', mountPath: '/var/log/kubernetes', pathType: 'DirectoryOrCreate' },
  ],
} as const;

/** The host's time zone in a component's log; a host without the file gets an empty one, which is UTC as before. */
const localtime = {
  name: 'localtime',
  hostPath: '/etc/localtime',
  mountPath: '/etc/localtime',
  readOnly: true,
  pathType: 'FileOrCreate',
} as const;

export const defaultNetworking = { podSubnet: '100.64.0.0/10', serviceSubnet: '10.96.0.0/22', dnsDomain: 'cluster.local' } as const;

/** Where the control plane's address is of IPv6; unique local blocks (RFC 4193), the services' no larger than Kubernetes allows. */
export const defaultNetworking6 = { podSubnet: 'fd00:100:64::/48', serviceSubnet: 'fd00:10:96::/112', dnsDomain: 'cluster.local' } as const;

/** What of a cluster decides on its default documents. */
export interface ClusterTraits {
  readonly version: string;
  /** Pods have addresses of both families. */
  readonly isDualStack: boolean;
}

/** Default ClusterConfiguration. `auditPolicy`: the policy file is there to be read. */
export function defaultCluster({ version, isDualStack }: ClusterTraits, api: KubeadmApi, auditPolicy: boolean): Tree {
  const kubeadmGates = dualStackGate(version, isDualStack);
  const gates = Object.entries(defaultFeatureGates(version, isDualStack)).map(([gate, on]) => `${gate}=${on}`);
  const featureGates = gates.length > 0 ? { 'feature-gates': gates.join(',') } : {};
  const signing = atLeast(version, '1.19') ? 'cluster-signing-duration' : 'experimental-cluster-signing-duration';
  return {
    ...(Object.keys(kubeadmGates).length > 0 ? { featureGates: kubeadmGates } : {}),
    apiServer: {
      extraArgs: list({ ...(auditPolicy ? audit.arguments : {}), 'enable-aggregator-routing': 'true', ...featureGates }),
      extraVolumes: [...(auditPolicy ? audit.volumes : []), localtime],
    },
    controllerManager: {
      extraArgs: list({ 'bind-address': '0.0.0.0', [signing]: centuryOfHours, ...featureGates }),
      extraVolumes: [localtime],
    },
    scheduler: { extraArgs: list({ 'bind-address': '0.0.0.0', ...featureGates }), extraVolumes: [localtime] },
    ...(api === 'v1beta4' ? { certificateValidityPeriod: centuryOfHours, caCertificateValidityPeriod: centuryOfHours } : {}),
  };
}

/** Default KubeletConfiguration, which every host gets from the cluster; what is particular to the first host comes from its facts. */
export function defaultKubelet(
  { version, isDualStack }: ClusterTraits,
  first: { readonly swapOn: boolean; readonly cgroupDriver: string },
  imageEndpoint: string | undefined,
): Tree {
  const featureGates = defaultFeatureGates(version, isDualStack);
  return {
    cgroupDriver: first.cgroupDriver,
    failSwapOn: !first.swapOn,
    // All four, because kubelet takes a threshold that is not named here for none.
    evictionHard: { 'memory.available': '100Mi', 'nodefs.available': '10%', 'nodefs.inodesFree': '5%', 'imagefs.available': '10%' },
    serializeImagePulls: false,
    kubeAPIQPS: 50,
    kubeAPIBurst: 100,
    eventRecordQPS: 50,
    eventBurst: 100,
    registryPullQPS: 50,
    registryBurst: 100,
    rotateCertificates: true,
    ...(Object.keys(featureGates).length > 0 ? { featureGates } : {}),
    ...(imageEndpoint === undefined || !atLeast(version, '1.27') ? {} : { imageServiceEndpoint: socketUrl(imageEndpoint) }),
  };
}

/**
 * Default KubeProxyConfiguration for a set of hosts, whose kube-proxies all read the same one. ipvs, as sealos has it, only where every
 * kernel can do it and before Kubernetes 1.35 deprecates it; iptables is the common ground.
 */
export function defaultKubeProxy(
  { version, isDualStack }: ClusterTraits,
  hosts: readonly Pick<HostFacts, 'kernelFeatures' | 'sysResource'>[],
): Tree {
  const featureGates = dualStackGate(version, isDualStack);
  const ipvs = !atLeast(version, '1.35') && hosts.every(({ kernelFeatures }) => kernelFeatures.ipvs);
  return {
    mode: ipvs ? 'ipvs' : 'iptables',
    metricsBindAddress: '0.0.0.0:10249',
    ...(Object.keys(featureGates).length > 0 ? { featureGates } : {}),
    // 0 leaves the kernel's limits alone: a host that may not set them would keep kube-proxy from starting.
    ...(hosts.every(({ sysResource }) => sysResource) ? {} : { conntrack: { maxPerCore: 0, min: 0 } }),
  };
}

/** Kubernetes up to 1.23 takes a path for a socket, later versions want its URL. */
export function criSocket(version: string, socket: string): string {
  return atLeast(version, '1.24') ? socketUrl(socket) : socket.replace(/^unix:\/\//, '');
}

function socketUrl(socket: string): string {
  return socket.includes('://') ? socket : `unix://${socket}`;
}

function list(args: Readonly<Record<string, string>>): readonly Tree[] {
  return Object.entries(args).map(([name, value]) => ({ name, value }));
}
