import { badInput, type SealosError } from '@sealos/image';
import { parseHostList } from '../address-list.ts';
import { parseEnvironment } from '../image-contract/environment.ts';
import { type Cluster, emptyStatus, masters, type Ssh } from './cluster.ts';
import { openProblems } from './problems.ts';

export interface ClusterFlags {
  readonly name: string;
  readonly images: readonly string[];
  /** The text of `--masters`. */
  readonly masters: string;
  /** The text of `--nodes`. */
  readonly nodes?: string | undefined;
  readonly ssh: Ssh;
  /** `-e`, each `K=V`. */
  readonly env?: readonly string[] | undefined;
  /** `--cmd`. */
  readonly command?: readonly string[] | undefined;
}

const defaultPort = 22;

/** The cluster that a command line asks for. Throws bad input: no master, a host twice, a host as master and node. */
export function clusterFromFlags(flags: ClusterFlags): Cluster {
  const port = flags.ssh.port ?? defaultPort;
  const groups = [
    { roles: ['master'], ips: parseHostList(flags.masters, port) },
    { roles: ['node'], ips: parseHostList(flags.nodes ?? '', port) },
  ];
  const cluster: Cluster = {
    name: flags.name,
    images: flags.images,
    ssh: flags.ssh,
    hosts: groups.filter(({ ips }) => ips.length > 0).map((group) => ({ ...group, env: new Map() })),
    env: parseEnvironment(flags.env ?? [], '-e'),
    command: flags.command ?? [],
    status: emptyStatus,
  };
  validateCluster(cluster);
  return cluster;
}

/** Refuses a cluster that cannot be: no master, a host twice, a registry host that is neither master nor node, a bad name. */
export function validateCluster(cluster: Cluster): void {
  validateClusterName(cluster.name);
  const problems = openProblems();
  for (const { error } of clusterProblems(cluster)) {
    problems.attempt(() => {
      throw error;
    });
  }
  problems.finish(`cluster ${cluster.name}`);
}

/** Something that keeps a cluster from being, and the group of hosts (its index) where it stands. */
export interface ClusterProblem {
  readonly error: SealosError;
  readonly group?: number;
}

const likelyRoles: readonly (readonly [RegExp, string])[] = [
  [/^(?:masters|control-?planes?)$/i, 'master'],
  [/^(?:nodes|workers?)$/i, 'node'],
  [/^registries$/i, 'registry'],
];

/** The role that a word which is none probably means. Unknown roles are allowed: `sealos exec -r` chooses by them. */
export function likelyRole(role: string): string | undefined {
  return likelyRoles.find(([pattern]) => pattern.test(role))?.[1];
}

/** Everything that keeps a cluster from being, its name aside. */
export function clusterProblems(cluster: Cluster): readonly ClusterProblem[] {
  const problems: ClusterProblem[] = [];
  if (masters(cluster).length === 0) {
    const error = badInput(
      'no-master',
      `cluster ${cluster.name} has no control-plane host`,
      'name at least one with --masters IP, or role master in the Clusterfile',
    );
    problems.push({ error });
  }
  const roles = new Map<string, readonly string[]>();
  for (const [group, { ips, roles: own }] of cluster.hosts.entries()) {
    const isMember = own.includes('master') || own.includes('node');
    for (const { ip } of ips) {
      const before = roles.get(ip);
      if (before !== undefined) problems.push({ error: namedTwice(ip, before, own), group });
      else if (!isMember) problems.push({ error: withoutRole(ip, own), group });
      roles.set(ip, before ?? own);
    }
  }
  return problems;
}

function namedTwice(ip: string, before: readonly string[], own: readonly string[]): SealosError {
  const both = before.includes('master') !== own.includes('master');
  return badInput(
    'duplicate-host',
    both ? `${ip} is named both as master and as node` : `${ip} is named twice`,
    both ? 'a master runs workloads when it is the only host, or when its taint is removed: name it once' : 'name each host once',
  );
}

function withoutRole(ip: string, own: readonly string[]): SealosError {
  const likely = own.map(likelyRole).find((role) => role !== undefined);
  return badInput(
    'no-role',
    `${ip} is neither master nor node (its roles are ${own.join(', ') || 'none'})`,
    likely === undefined ? 'add role master or node' : `the role is spelt '${likely}'`,
  );
}

/** A cluster's name is the name of its directory here and on every host. Throws bad input for one that cannot be. */
export function validateClusterName(name: string): void {
  if (/^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/.test(name)) return;
  throw badInput(
    'bad-cluster-name',
    `'${name}' cannot be a cluster's name`,
    'use at most 63 letters, digits, dots, dashes and underscores',
  );
}
