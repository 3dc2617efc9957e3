import { badInput } from '@sealos/image';
import type { Cluster } from '../cluster/cluster.ts';
import { DISTRIBUTIONS, type Distribution } from '../distribution.ts';
import { contractLabel } from '../image-contract/label-text.ts';

/** The distribution of a cluster that was begun, as the labels of its rootfs say. */
export function distributionOf({ status }: Pick<Cluster, 'status'>): Distribution {
  const isK3s = status.mounts.some(({ type, labels }) => type === 'rootfs' && contractLabel(labels, 'distribution') === 'k3s');
  return isK3s ? DISTRIBUTIONS.k3s : DISTRIBUTIONS.kubernetes;
}

/** What is not done with k3s, and what is there instead: k3s makes its certificates and keeps its etcd itself. */
export const CERTIFICATES_OF_K3S = ['look after certificates', 'k3s has its own: see `k3s certificate` on a control plane'] as const;
export const ETCD_OF_K3S = ['look after etcd', 'k3s has its own: see `k3s etcd-snapshot` on a control plane'] as const;

/** Throws bad input where a cluster is one of k3s. `what` is what cannot be done with it, `instead` what can. */
export function refuseK3s(cluster: Cluster, what: string, instead: string): void {
  if (distributionOf(cluster).name === 'k3s')
    throw badInput('not-for-k3s', `cluster ${cluster.name} runs k3s: sealos does not ${what} there`, instead);
}
