import type { HostFile } from '../host/host.ts';
import { atLeast } from '../kubeadm/version.ts';
import type { Upgrade } from './upgrade-of.ts';

/** Who shows these belongs to other groups from 1.29 on (sealos-interop.md §6.6). */
const CLIENTS = ['apiserver-kubelet-client', 'apiserver-etcd-client', 'etcd/healthcheck-client'].flatMap((path) => [
  `/etc/kubernetes/pki/${path}.key`,
  `/etc/kubernetes/pki/${path}.crt`,
]);

/**
 * Of a control plane's certificates and kubeconfigs those that an upgrade over 1.29 changes: administrators and the API server are members
 * of `kubeadm:cluster-admins` then, and not of `system:masters`, which no rule can restrain. None of any other upgrade.
 */
export function newIdentities({ from, to }: Pick<Upgrade, 'from' | 'to'>, files: readonly HostFile[]): readonly HostFile[] {
  if (atLeast(from, '1.29') || !atLeast(to, '1.29')) return [];
  return files.filter(({ path }) => path === '/etc/kubernetes/admin.conf' || CLIENTS.includes(path));
}
