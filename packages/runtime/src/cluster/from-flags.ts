import { badInput } from '@sealos/image';
import { parseHostList } from '../address-list.ts';
import { parseEnvironment } from '../image-contract/environment.ts';
import { type Cluster, clusterHosts, emptyStatus, masters, type Ssh } from './cluster.ts';

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
  if (masters(cluster).length === 0) {
    throw badInput(
      'no-master',
      `cluster ${cluster.name} has no control-plane host`,
      'name at least one with --masters IP, or role master in the Clusterfile',
    );
  }
  const roles = new Map<string, readonly string[]>();
  for (const host of clusterHosts(cluster)) {
    const { ip } = host.address;
    const before = roles.get(ip);
    if (before !== undefined) {
      const both = before.includes('master') !== host.roles.includes('master');
      throw badInput(
        'duplicate-host',
        both ? `${ip} is named both as master and as node` : `${ip} is named twice`,
        both ? 'a master runs workloads when it is the only host, or when its taint is removed: name it once' : 'name each host once',
      );
    }
    if (!host.roles.includes('master') && !host.roles.includes('node')) {
      throw badInput(
        'no-role',
        `${ip} is neither master nor node (its roles are ${host.roles.join(', ') || 'none'})`,
        'add role master or node',
      );
    }
    roles.set(ip, host.roles);
  }
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
