import type { Address, HostFacts } from '../host/host.ts';
import type { KubeadmDocument } from './document.ts';
import type { ClusterNetworking } from './networking.ts';

/** What kubeadm must know of one host. */
export interface KubeadmHost {
  readonly address: Address;
  readonly role: 'master' | 'worker';
  readonly facts: Pick<HostFacts, 'hostname' | 'kernelFeatures' | 'sysResource' | 'swapOn' | 'cgroup' | 'systemd'> & {
    /** Needed where pods have addresses of both families. */
    readonly addresses?: HostFacts['addresses'];
  };
  /** Found from the host's container runtime; by default what the facts suggest. */
  readonly cgroupDriver?: 'systemd' | 'cgroupfs' | undefined;
}

export interface KubeadmInput {
  /** Kubernetes version with `v`. */
  readonly version: string;
  /** In the Clusterfile's order: the first master is master0. */
  readonly hosts: readonly KubeadmHost[];
  readonly vip: string;
  /** `apiserver.cluster.local` by default. */
  readonly apiName?: string | undefined;
  /** Path of the container runtime's socket, with or without `unix://`; containerd's by default (`SEALOS_SYS_CRI_ENDPOINT`). */
  readonly criSocket?: string | undefined;
  /** Socket of a separate image service (`SEALOS_SYS_IMAGE_ENDPOINT`), only where the image ships one. */
  readonly imageEndpoint?: string | undefined;
  /** Documents of the image's `etc/kubeadm.yml`. */
  readonly imageDocuments?: readonly KubeadmDocument[] | undefined;
  /** Documents of the Clusterfile and `--config-file`, in order. */
  readonly userDocuments?: readonly KubeadmDocument[] | undefined;
  /** Phases that the image asks to leave out (label `sealos.io.kubeadm.skip-phases`). */
  readonly skipPhases?: readonly string[] | undefined;
  /** Whether `/etc/kubernetes/audit-policy.yml` is put on control planes; true by default. */
  readonly auditPolicy?: boolean | undefined;
  /** Bootstrap token, `[a-z0-9]{6}.[a-z0-9]{16}`: a secret. */
  readonly token: string;
  /** `sha256:HEX` of the cluster CA's public key (`Pki.caCertHash`). */
  readonly caCertHash: string;
  /** Where a worker finds the API while it joins, `HOST:PORT`; the VIP by default. */
  readonly workerEndpoint?: string | undefined;
}

export interface KubeadmPlan {
  /** YAML for `kubeadm init --config` on master0: a secret (it holds the token). */
  readonly init: string;
  /** YAML for `kubeadm join --config`, by the host's `ip`; every host but master0: secrets. */
  readonly join: ReadonlyMap<string, string>;
  /** `--skip-phases=…` where the documents cannot say it (Kubernetes below 1.22), else empty. */
  readonly skipPhaseFlags: { readonly init: readonly string[]; readonly join: readonly string[] };
  readonly networking: ClusterNetworking;
  /** Everything that the API server's certificate must name besides what kubeadm adds. */
  readonly certSans: readonly string[];
  readonly kubeProxyMode: string;
  readonly apiPort: number;
  /** For the user: what was left out of their documents and why. */
  readonly warnings: readonly string[];
}
