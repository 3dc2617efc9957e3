import { badInput } from '@sealos/image';
import { parseHostList } from '../address-list.ts';
import { type Cluster, type Clusterfile, type ClusterHost, clusterHosts, type HostGroup, type Ssh } from '../cluster/cluster.ts';
import { clusterFromFlags, validateCluster } from '../cluster/from-flags.ts';

/** What `sealos run` was asked for. */
export interface RunRequest {
  readonly cluster: string;
  /** Image names as the user typed them. */
  readonly images: readonly string[];
  /** The text of `--masters`; undefined: not given. */
  readonly masters: string | undefined;
  readonly nodes: string | undefined;
  readonly ssh: Ssh;
  /** `-e K=V`. */
  readonly env: readonly string[];
  readonly command: readonly string[];
}

/** A cluster that was begun: its hosts hold something of it. */
export function exists(stored: Clusterfile | undefined): stored is Clusterfile {
  return stored?.cluster.createdAt !== undefined && stored.cluster.deletedAt === undefined;
}

/** Hosts as the command line names them. */
export interface HostLists {
  /** The text of `--masters`. */
  readonly masters?: string | undefined;
  /** The text of `--nodes`. */
  readonly nodes?: string | undefined;
}

/**
 * The cluster that the request makes of the stored one: new images after those that are there, new hosts added, settings laid over.
 * Refuses what `run` does not do: take hosts away.
 */
export function desiredCluster(request: RunRequest, stored: Clusterfile | undefined, localIp: () => string): Cluster {
  if (!exists(stored)) {
    return clusterFromFlags({
      name: request.cluster,
      images: request.images,
      masters: request.masters ?? localIp(),
      nodes: request.nodes,
      ssh: request.ssh,
    });
  }
  const images = [...stored.cluster.images, ...request.images.filter((name) => !stored.cluster.images.includes(name))];
  const cluster = { ...stored.cluster, ssh: { ...stored.cluster.ssh, ...request.ssh }, images };
  const added = withHosts(cluster, request, undefined);
  for (const [role, list] of [
    ['master', request.masters],
    ['node', request.nodes],
  ] as const) {
    if (list === undefined) continue;
    const named = new Set(parseHostList(list, cluster.ssh.port ?? 22).map(({ ip }) => ip));
    const missing = clusterHosts(cluster).filter((host) => host.roles.includes(role) && !named.has(host.address.ip));
    if (missing.length === 0) continue;
    throw badInput(
      'host-not-named',
      `${missing.map((host) => host.address.ip).join(', ')} belong${missing.length === 1 ? 's' : ''} to cluster ${cluster.name} but is not named`,
      'run adds hosts and never takes any away (`sealos delete` does): name every host, or none',
    );
  }
  return added;
}

/** A cluster with more hosts, in groups of their own; hosts that it has in that role already stay as they are. `ssh` is how the new ones are reached, where that differs. */
export function withHosts(cluster: Cluster, lists: HostLists, ssh: Ssh | undefined): Cluster {
  const current = new Map(clusterHosts(cluster).map((host) => [host.address.ip, host]));
  const groups = [
    { roles: ['master'], list: lists.masters },
    { roles: ['node'], list: lists.nodes },
  ].flatMap(({ roles, list }): readonly HostGroup[] => {
    const ips = parseHostList(list ?? '', ssh?.port ?? cluster.ssh.port ?? 22).filter((address) => {
      const known = current.get(address.ip);
      if (known && known.roles.includes('master') !== roles.includes('master')) {
        const is = known.roles.includes('master') ? 'a control plane' : 'a worker';
        throw badInput('role-change', `${address.ip} is ${is} of cluster ${cluster.name}`, 'delete it first, then add it in its new role');
      }
      return known === undefined;
    });
    return ips.length === 0 ? [] : [{ ips, roles, env: new Map<string, string>(), ...(ssh === undefined ? {} : { ssh }) }];
  });
  const grown = { ...cluster, hosts: [...cluster.hosts, ...groups] };
  validateCluster(grown);
  return grown;
}

/** A cluster without some of its hosts, and those hosts. Refuses strangers, hosts of the other role, and to leave no control plane. */
export function withoutHosts(cluster: Cluster, lists: HostLists): { readonly cluster: Cluster; readonly leaving: readonly ClusterHost[] } {
  const hosts = clusterHosts(cluster);
  const leaving = [
    { role: 'master', list: lists.masters },
    { role: 'node', list: lists.nodes },
  ].flatMap(({ role, list }) =>
    parseHostList(list ?? '', 22).flatMap(({ ip }) => {
      const host = hosts.find(({ address }) => address.ip === ip);
      if (!host) return [];
      if (host.roles.includes('master') !== (role === 'master')) {
        throw badInput(
          'role-mismatch',
          `${ip} is ${role === 'master' ? 'no control plane' : 'a control plane'} of cluster ${cluster.name}`,
        );
      }
      return [host];
    }),
  );
  const gone = new Set(leaving.map(({ address }) => address.ip));
  const groups = cluster.hosts.map((group) => ({ ...group, ips: group.ips.filter(({ ip }) => !gone.has(ip)) }));
  const rest = { ...cluster, hosts: groups.filter(({ ips }) => ips.length > 0) };
  if (!clusterHosts(rest).some((host) => host.roles.includes('master'))) {
    throw badInput('no-master', `cluster ${cluster.name} would be left without a control plane`, '`sealos reset` removes a whole cluster');
  }
  return { cluster: rest, leaving };
}
