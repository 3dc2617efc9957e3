import semver from 'semver';
import { nthOfBlock } from '../address-list.ts';
import type { CertificateProfile } from './certificate.ts';

export type AuthorityName = 'ca' | 'front-proxy-ca' | 'etcd/ca';

/** The cluster's authorities, by the path of their files without extension below `pki/`, and their common names. */
export const authorities: Readonly<Record<AuthorityName, string>> = {
  ca: 'kubernetes',
  'front-proxy-ca': 'front-proxy-ca',
  'etcd/ca': 'etcd-ca',
};

/** A certificate to be made: its files' path without extension, who signs it, what it says. */
export interface CertificateEntry {
  readonly path: string;
  readonly authority: AuthorityName;
  readonly profile: CertificateProfile;
  /** The names without which an existing certificate is not kept; all of `profile.sans` by default. */
  readonly required?: readonly string[];
  /** A new certificate keeps the names of the one that it replaces: they may have been added since. */
  readonly keepsNames?: boolean;
}

/** A kubeconfig to be made: its file, its user, the subject of its certificate. */
export interface KubeconfigEntry {
  readonly file: string;
  readonly user: string;
  readonly organizations?: readonly string[];
}

export interface InventoryOptions {
  readonly masters: readonly { readonly ip: string; readonly nodeName: string }[];
  readonly version: string;
  readonly vip: string;
  readonly apiName: string;
  readonly serviceSubnet: string;
  readonly dnsDomain: string;
  readonly extraSans: readonly string[];
}

/** Kubernetes 1.29 moved administrators from `system:masters`, which no rule can restrain, to a group bound by an ordinary role. */
function separatesSuperAdmin(version: string): boolean {
  return semver.gte(semver.coerce(version) ?? '0.0.0', '1.29.0');
}

/** Client certificates that are the same on every control-plane host. */
export function sharedCertificates(version: string): readonly CertificateEntry[] {
  const modern = separatesSuperAdmin(version);
  const client = (path: string, authority: AuthorityName, commonName: string, ...organizations: readonly string[]): CertificateEntry => ({
    path,
    authority,
    profile: { commonName, usages: ['client'], sans: [], organizations },
  });
  const etcdGroups = modern ? [] : ['system:masters'];
  return [
    client('apiserver-kubelet-client', 'ca', 'kube-apiserver-kubelet-client', modern ? 'kubeadm:cluster-admins' : 'system:masters'),
    client('front-proxy-client', 'front-proxy-ca', 'front-proxy-client'),
    client('apiserver-etcd-client', 'etcd/ca', 'kube-apiserver-etcd-client', ...etcdGroups),
    client('etcd/healthcheck-client', 'etcd/ca', 'kube-etcd-healthcheck-client', ...etcdGroups),
  ];
}

/** Serving certificates of one control-plane host. */
export function hostCertificates(
  master: { readonly ip: string; readonly nodeName: string },
  options: InventoryOptions,
): readonly CertificateEntry[] {
  const { nodeName, ip } = master;
  const names = apiServerNames(master, options);
  const others = options.masters.map((other) => other.ip).filter((other) => other !== ip);
  const etcd: CertificateProfile = {
    commonName: nodeName,
    usages: ['server', 'client'],
    sans: unique([nodeName, 'localhost', '127.0.0.1', '::1', ip]),
  };
  return [
    {
      path: 'apiserver',
      authority: 'ca',
      profile: { commonName: 'kube-apiserver', usages: ['server'], sans: unique([...names, ...others]) },
      // A control-plane host that joins later does not make the others' certificates wrong.
      required: names.filter((name) => !others.includes(name)),
      keepsNames: true,
    },
    { path: 'etcd/server', authority: 'etcd/ca', profile: etcd },
    { path: 'etcd/peer', authority: 'etcd/ca', profile: etcd },
  ];
}

/** Kubeconfigs that are the same on every control-plane host; `groups` are the administrator's where they are not the usual one. */
export function sharedKubeconfigs(version: string, groups: readonly string[] = []): readonly KubeconfigEntry[] {
  return [
    {
      file: 'admin.conf',
      user: 'kubernetes-admin',
      organizations: groups.length > 0 ? groups : [separatesSuperAdmin(version) ? 'kubeadm:cluster-admins' : 'system:masters'],
    },
    { file: 'controller-manager.conf', user: 'system:kube-controller-manager' },
    { file: 'scheduler.conf', user: 'system:kube-scheduler' },
  ];
}

/** Kubeconfigs of the host where the cluster begins; a host that joins gets its kubelet's from kubeadm, which refuses to find one. */
export function initKubeconfigs(nodeName: string, version: string): readonly KubeconfigEntry[] {
  return [
    { file: 'kubelet.conf', user: `system:node:${nodeName}`, organizations: ['system:nodes'] },
    ...(separatesSuperAdmin(version)
      ? [{ file: 'super-admin.conf', user: 'kubernetes-super-admin', organizations: ['system:masters'] }]
      : []),
  ];
}

function apiServerNames(master: { readonly ip: string; readonly nodeName: string }, options: InventoryOptions): readonly string[] {
  return unique([
    'localhost',
    'kubernetes',
    'kubernetes.default',
    'kubernetes.default.svc',
    `kubernetes.default.svc.${options.dnsDomain}`,
    master.nodeName,
    options.apiName,
    ...options.serviceSubnet.split(',').map((block) => nthOfBlock(block.trim(), 1)),
    '127.0.0.1',
    options.vip,
    master.ip,
    ...options.extraSans,
  ]);
}

function unique(names: readonly string[]): readonly string[] {
  return [...new Set(names)];
}
