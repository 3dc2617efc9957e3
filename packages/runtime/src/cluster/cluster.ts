import { isDeepStrictEqual } from 'node:util';
import type { Address } from '../host/host.ts';
import type { K3sOptions } from '../k3s/options.ts';
import type { KubeadmDocument } from '../kubeadm/document.ts';

/** Environment keys in the order in which they were written. */
export type Environment = ReadonlyMap<string, string>;

/** Members of a document that this project does not know: kept as they were written, and without effect. */
export type Unknown = Readonly<Record<string, unknown>>;

/** How hosts are reached (`spec.ssh`); members that were not given are absent. `passwd`, `pkData` and `pkPasswd` are secrets and are never stored. */
export interface Ssh {
  readonly user?: string;
  readonly passwd?: string;
  /** A file on the operator that holds the password: unlike the password it is stored. */
  readonly passwdFile?: string;
  /** Path of a private key on the operator. */
  readonly pk?: string;
  readonly pkName?: string;
  /** A private key's own text. */
  readonly pkData?: string;
  readonly pkPasswd?: string;
  /** A file on the operator that holds the key's passphrase. */
  readonly pkPasswdFile?: string;
  readonly port?: number;
  /** Jump hosts, `[USER@]HOST[:PORT]` and commas between them; `none` for none. */
  readonly proxyJump?: string;
}

/** Hosts that share roles, environment and credentials (`spec.hosts[]`). */
export interface HostGroup {
  readonly ips: readonly Address[];
  /** `master`, `node`, `registry`, `amd64`, `arm64`; any other is kept. */
  readonly roles: readonly string[];
  readonly env: Environment;
  readonly ssh?: Ssh;
  readonly unknown?: Unknown;
}

/** An image as it was laid on a cluster's hosts (`status.mounts[]`). */
export interface MountedImage {
  /** Name of the directory under `applications/` on master0. */
  readonly name: string;
  readonly type: string;
  readonly imageName: string;
  readonly mountPoint?: string;
  /** Digest of the manifest that was run: the same name with other content is noticed by it. */
  readonly digest?: string;
  readonly env: Environment;
  readonly labels: Readonly<Record<string, string>>;
  readonly cmd: readonly string[];
  readonly entrypoint: readonly string[];
  readonly unknown?: Unknown;
}

export type ClusterPhase = 'ClusterInProcess' | 'ClusterSuccess' | 'ClusterFailed';

export interface ClusterCondition {
  readonly type: string;
  readonly status: string;
  readonly lastHeartbeatTime?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly images?: readonly string[];
  readonly unknown?: Unknown;
}

export interface ClusterStatus {
  readonly phase?: ClusterPhase;
  readonly mounts: readonly MountedImage[];
  readonly conditions: readonly ClusterCondition[];
  readonly commandConditions: readonly ClusterCondition[];
  readonly unknown?: Unknown;
}

/** Unknown members of a document, by where they stand in it. */
export interface DocumentUnknown {
  readonly document?: Unknown;
  readonly metadata?: Unknown;
  readonly spec?: Unknown;
}

/** Kind `Cluster` of `apps.sealos.io/v1beta1`: what a user wants, and in `status` what was done. */
export interface Cluster {
  readonly name: string;
  /** RFC 3339; absent until the cluster was first created. */
  readonly createdAt?: string;
  readonly deletedAt?: string;
  /** Image names exactly as the user typed them, in the order in which they run. */
  readonly images: readonly string[];
  readonly ssh: Ssh;
  readonly hosts: readonly HostGroup[];
  readonly env: Environment;
  /** Replaces the CMD of the first image that is run. */
  readonly command: readonly string[];
  readonly status: ClusterStatus;
  readonly unknown?: DocumentUnknown;
}

/** Kind `Config`: a file put into an image's content before it is rendered. */
export interface Config {
  readonly name: string;
  /** Exact image name; empty for every image. */
  readonly match: string;
  /** Relative to the image's root. */
  readonly path: string;
  readonly strategy: 'override' | 'merge' | 'insert' | 'append';
  readonly data: string;
  readonly unknown?: DocumentUnknown;
}

/** A whole Clusterfile: one Cluster and what was written beside it. */
export interface Clusterfile {
  readonly cluster: Cluster;
  readonly configs: readonly Config[];
  readonly kubeadm: readonly KubeadmDocument[];
  /** Options of k3s: a document without a kind. */
  readonly k3s?: K3sOptions | undefined;
}

/** One host with what its group and the cluster say of it. */
export interface ClusterHost {
  readonly address: Address;
  readonly roles: readonly string[];
  readonly env: Environment;
  /** The group's own credentials laid over the cluster's. */
  readonly ssh: Ssh;
}

export const emptyStatus: ClusterStatus = { mounts: [], conditions: [], commandConditions: [] };

/** All hosts, in the order of the Clusterfile. */
export function clusterHosts(cluster: Cluster): readonly ClusterHost[] {
  return cluster.hosts.flatMap((group) =>
    group.ips.map((address) => ({ address, roles: group.roles, env: group.env, ssh: layOver(cluster.ssh, group.ssh ?? {}) })),
  );
}

/** A group's settings over the cluster's; a key or password of its own goes with nothing that belongs to the cluster's. */
function layOver(cluster: Ssh, group: Ssh): Ssh {
  const { pk, pkName, pkData, pkPasswd, pkPasswdFile, passwd, passwdFile, ...rest } = cluster;
  const ofKey = { pk, pkName, pkData, pkPasswd, pkPasswdFile };
  const ofPassword = { passwd, passwdFile };
  const hasKey = group.pk !== undefined || group.pkData !== undefined;
  const hasPassword = group.passwd !== undefined || group.passwdFile !== undefined;
  return { ...rest, ...(hasKey ? {} : given(ofKey)), ...(hasPassword ? {} : given(ofPassword)), ...group };
}

function given(members: { readonly [K in keyof Ssh]: Ssh[K] | undefined }): Ssh {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}

export function hostsWithRole(cluster: Cluster, role: string): readonly ClusterHost[] {
  return clusterHosts(cluster).filter((host) => host.roles.includes(role));
}

/** Control-plane hosts; the first is master0. */
export function masters(cluster: Cluster): readonly ClusterHost[] {
  return hostsWithRole(cluster, 'master');
}

/** Hosts that only run workloads. */
export function workers(cluster: Cluster): readonly ClusterHost[] {
  return clusterHosts(cluster).filter((host) => host.roles.includes('node') && !host.roles.includes('master'));
}

/** Hosts with role `registry`, else master0. */
export function registryHosts(cluster: Cluster): readonly ClusterHost[] {
  const named = hostsWithRole(cluster, 'registry');
  return named.length > 0 ? named : masters(cluster).slice(0, 1);
}

/** Whether two clusters want the same (what was done to them left aside). */
export function sameDesire(one: Cluster, other: Cluster): boolean {
  const desire = ({ status: _status, createdAt: _createdAt, deletedAt: _deletedAt, ...rest }: Cluster) => rest;
  return isDeepStrictEqual(desire(one), desire(other));
}
