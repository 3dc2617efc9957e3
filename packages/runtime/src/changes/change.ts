/** What a change of a kubeadm document does to a cluster that stands. */
export type KubeadmEffect =
  /** The control plane's pods are written anew, one host after the other. */
  | 'control-plane'
  /** The API server's or etcd's certificate gets other names. */
  | 'certificates'
  /** Every kubelet gets the new configuration. */
  | 'kubelets'
  | 'kube-proxy'
  | 'dns'
  /** Hosts that are added from now on have it. */
  | 'new-hosts'
  /** Nothing: the image or this project decides it. */
  | 'none'
  /** It is decided once, when the cluster is made. */
  | 'creation';

export type ChangeKind = 'image' | 'host' | 'login' | 'environment' | 'command' | 'kubeadm' | 'k3s' | 'config';

/** One difference between what a cluster is and what it shall be. Plain data: as JSON it is what `-o json` prints. No secrets are in it. */
export interface Change {
  readonly kind: ChangeKind;
  readonly action: 'add' | 'remove' | 'change';
  /**
   * What changes: an image's name, a host's address, `SCOPE KEY` of a variable, a path in a kubeadm document
   * (`ClusterConfiguration networking.podSubnet`), an option of k3s, a Config's name.
   */
  readonly subject: string;
  /** The value before, as it is shown; a secret is `***`. Absent where nothing was there, or where it is too long to show. */
  readonly from?: string;
  readonly to?: string;
  /** In words: what it means for the cluster, or what of it changes. */
  readonly note?: string;
  readonly effect?: KubeadmEffect;
  /** Why this cannot be done to a cluster that stands. */
  readonly refused?: string;
}
