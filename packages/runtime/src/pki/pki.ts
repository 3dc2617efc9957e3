import type { HostFile } from '../host/host.ts';

export interface PkiMaster {
  readonly ip: string;
  /** The Kubernetes node's name: the host's name in lower case. */
  readonly nodeName: string;
}

export interface PkiOptions {
  /** Control-plane hosts, master0 first. */
  readonly masters: readonly PkiMaster[];
  /** Kubernetes version with `v`: groups of the certificates changed in 1.29. */
  readonly version: string;
  readonly vip: string;
  /** `apiserver.cluster.local` by default. */
  readonly apiName?: string | undefined;
  /** 6443 by default. */
  readonly apiPort?: number | undefined;
  /** One block, or two separated by a comma (dual stack). */
  readonly serviceSubnet: string;
  /** `cluster.local` by default. */
  readonly dnsDomain?: string | undefined;
  /** More names and addresses for the API server's certificate. */
  readonly extraSans?: readonly string[] | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface Pki {
  /** Files for `/etc/kubernetes` (certificates, keys, kubeconfigs) of each control-plane host, by its `ip`. */
  readonly files: ReadonlyMap<string, readonly HostFile[]>;
  /** The cluster CA's certificate (PEM). */
  readonly caCert: string;
  /** `sha256:HEX` of the cluster CA's public key, as `kubeadm join` checks it. */
  readonly caCertHash: string;
  /** Kubeconfig of the cluster's administrator: a secret. */
  readonly adminConf: string;
  /** Paths below the directory that were written by this call. */
  readonly changed: readonly string[];
}

/**
 * Makes sure that a cluster's certificates exist under `home` (`pki/`, `etc/*.conf`, as sealos lays them out) and are right, and
 * returns what each control-plane host needs. What is there and valid is kept; a CA is never replaced.
 */
export function ensurePki(_home: string, _options: PkiOptions): Promise<Pki> {
  throw new Error('not reached');
}
