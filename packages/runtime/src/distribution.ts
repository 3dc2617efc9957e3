/** Where a distribution of Kubernetes keeps what others need to find on its hosts. */
export interface Distribution {
  readonly name: 'kubernetes' | 'k3s';
  /** The administrator's kubeconfig on a control plane. */
  readonly kubeconfig: string;
  /** The directory from which a worker's kubelet takes static pods. */
  readonly staticPods: string;
  /** What its API server answers one who does not say who it is; undefined: `/healthz` is open to all. */
  readonly closedHealth: number | undefined;
}

/** What `kubeadm` makes, and k3s (sealos-interop.md §6.5 and §6.13). */
export const DISTRIBUTIONS = {
  kubernetes: {
    name: 'kubernetes',
    kubeconfig: '/etc/kubernetes/admin.conf',
    staticPods: '/etc/kubernetes/manifests',
    closedHealth: undefined,
  },
  k3s: {
    name: 'k3s',
    kubeconfig: '/etc/rancher/k3s/k3s.yaml',
    staticPods: '/var/lib/rancher/k3s/agent/pod-manifests',
    closedHealth: 401,
  },
} as const satisfies Readonly<Record<Distribution['name'], Distribution>>;
