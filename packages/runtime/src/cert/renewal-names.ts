import { badInput } from '@sealos/image';

/** Kubeconfigs and certificates that can be renewed, as sealos and kubeadm name them, and where they lie below `pki` (kubeconfigs: as they are). */
const FILES = {
  'kubelet.conf': 'kubelet.conf',
  'etcd-server': 'etcd/server',
  'etcd-peer': 'etcd/peer',
  'etcd-healthcheck-client': 'etcd/healthcheck-client',
  apiserver: 'apiserver',
  'apiserver-kubelet-client': 'apiserver-kubelet-client',
  'apiserver-etcd-client': 'apiserver-etcd-client',
  'front-proxy-client': 'front-proxy-client',
  'controller-manager.conf': 'controller-manager.conf',
  'scheduler.conf': 'scheduler.conf',
  'admin.conf': 'admin.conf',
  'super-admin.conf': 'super-admin.conf',
} as const;

export type RenewName = keyof typeof FILES;

const isRenewName = (name: string): name is RenewName => Object.hasOwn(FILES, name);

/** In the order in which they are rolled out. */
export const renewNames: readonly RenewName[] = Object.keys(FILES).filter(isRenewName);

/** What was asked for by `--renew`, in order and each once; `all` is everything. Throws bad input for a name that is not known. */
export function parseRenewNames(names: readonly string[]): readonly RenewName[] {
  const stranger = names.find((name) => name !== 'all' && !isRenewName(name));
  if (stranger !== undefined) {
    throw badInput(
      'bad-certificate-name',
      `'${stranger}' is no certificate that can be renewed`,
      `write all, or some of ${renewNames.join(', ')}`,
    );
  }
  return renewNames.filter((name) => names.includes('all') || names.includes(name));
}

/** What `--renew` calls the file at a path of a host or of the operator, or undefined where it renews no such thing. */
export function renewName(path: string): RenewName | undefined {
  if (/\/kubelet-client-current\.pem$/.test(path)) return 'kubelet.conf';
  if (/\.kube\/config$/.test(path)) return 'admin.conf';
  const file = path
    .replace(/^(?:\/etc\/kubernetes\/|etc\/)/, '')
    .replace(/^pki\/(?:hosts\/[^/]+\/)?/, '')
    .replace(/\.crt$/, '');
  return renewNames.find((name) => FILES[name] === file);
}
