import type { ClusterPhase } from '../cluster/cluster.ts';
import type { EtcdHealth } from '../etcd/health.ts';

/** What `sealos status` found; the same as text, JSON and YAML. It holds no secret. */
export interface ClusterReport {
  readonly name: string;
  readonly phase: ClusterPhase | undefined;
  /** RFC 3339. */
  readonly createdAt: string | undefined;
  /** What works on the cluster at this moment, if anything. */
  readonly busy: string | undefined;
  readonly images: readonly string[];
  readonly hosts: readonly HostReport[];
  readonly registry: RegistryReport;
  readonly kubernetes: KubernetesReport | undefined;
  /** Undefined where no control plane could be asked, or etcd lies outside of the cluster. */
  readonly etcd: EtcdHealth | undefined;
  readonly applications: readonly ApplicationReport[];
  readonly problems: readonly Problem[];
}

/** One thing that is not as it should be, and what to try. */
export interface Problem {
  /** The host that it is about. */
  readonly host: string | undefined;
  readonly message: string;
  readonly hint: string;
}

export interface HostReport {
  readonly host: string;
  readonly ip: string;
  readonly roles: readonly string[];
  /** Why nothing is known of it; then nothing else is there. */
  readonly unreachable: string | undefined;
  readonly facts: HostFactsReport | undefined;
  readonly services: readonly ServiceReport[];
  /** `kubelet`, `containerd`, `docker`, `kubeadm` and their versions, as far as they are there. */
  readonly versions: Readonly<Record<string, string>>;
  /** How it came into the cluster. */
  readonly member: 'init' | 'join' | undefined;
  readonly disks: readonly DiskReport[];
  /** The certificate that ends first. */
  readonly certificate: CertificateReport | undefined;
  readonly api: ApiReport;
  /** Whether the registry's port can be reached from here by its name. */
  readonly reachesRegistry: boolean | undefined;
}

export interface HostFactsReport {
  readonly hostname: string;
  readonly os: string;
  readonly kernel: string;
  readonly architecture: string;
  /** Seconds that its clock is ahead of this machine's. */
  readonly clockSkewSeconds: number;
}

export interface ServiceReport {
  /** Without `.service`. */
  readonly name: string;
  /** systemd's words: `active`, `inactive`, `failed`, `activating`. */
  readonly active: string;
  readonly enabled: boolean;
  /** How often systemd started it again by itself. */
  readonly restarts: number;
}

export interface DiskReport {
  /** Where the filesystem is mounted. */
  readonly mount: string;
  readonly totalBytes: number;
  readonly freeBytes: number;
}

export interface CertificateReport {
  readonly path: string;
  /** RFC 3339. */
  readonly end: string;
}

export interface ApiReport {
  /** The address that the API's name has in `/etc/hosts`. */
  readonly address: string | undefined;
  /** Whether the API's port can be reached from here by its name. */
  readonly reachable: boolean | undefined;
  /** Of a control plane: how its own API server answers. */
  readonly server: string | undefined;
  /** Of a worker: control planes that its kernel sends the virtual address's calls to; undefined where it balances nothing. */
  readonly members: readonly string[] | undefined;
}

export interface RegistryReport {
  /** `domain:port`. */
  readonly address: string | undefined;
  readonly hosts: readonly string[];
  /** It answers, and takes the cluster's own login. */
  readonly healthy: boolean;
  readonly repositories: number | undefined;
  readonly problem: string | undefined;
}

export interface KubernetesReport {
  /** The control plane that was asked; undefined where none answers. */
  readonly askedOn: string | undefined;
  readonly problem: string | undefined;
  readonly nodes: readonly NodeReport[];
  readonly pods: { readonly total: number; readonly unwell: readonly PodReport[] };
  /** The API server's own checks that fail. */
  readonly failingChecks: readonly string[];
}

export interface NodeReport {
  readonly name: string;
  readonly ip: string | undefined;
  readonly ready: boolean;
  readonly reason: string | undefined;
  readonly schedulable: boolean;
  readonly roles: readonly string[];
  readonly version: string;
}

export interface PodReport {
  readonly namespace: string;
  readonly name: string;
  readonly node: string;
  readonly why: string;
}

export interface ApplicationReport {
  readonly name: string;
  readonly image: string;
  readonly type: string;
  readonly digest: string | undefined;
  /** RFC 3339: when its commands last ended well; undefined: they never did, or the host that knows is down. */
  readonly ranAt: string | undefined;
}
