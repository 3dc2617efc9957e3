import { badInput } from '@sealos/image';
import { formatAddress } from '../address-list.ts';
import { type Cluster, type Clusterfile, clusterHosts, emptyStatus, type Ssh } from '../cluster/cluster.ts';
import { clusterFromFlags } from '../cluster/from-flags.ts';

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

/**
 * The cluster that the request makes of the stored one: new images after those that are there, new workers added, settings laid over.
 * Refuses what `run` cannot do: take hosts away, change control planes.
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
  const { cluster } = stored;
  const images = [...cluster.images, ...request.images.filter((name) => !cluster.images.includes(name))];
  const settings = { ssh: { ...cluster.ssh, ...request.ssh } };
  if (request.masters === undefined && request.nodes === undefined) return { ...cluster, ...settings, images };

  const current = clusterHosts(cluster);
  const currentMasters = current.filter((host) => host.roles.includes('master')).map((host) => formatAddress(host.address));
  const asked = clusterFromFlags({
    name: request.cluster,
    images,
    masters: request.masters ?? currentMasters.join(','),
    nodes: request.nodes,
    ssh: settings.ssh,
  });
  const wanted = clusterHosts(asked);
  const missing = current.filter((host) => !wanted.some(({ address }) => address.ip === host.address.ip));
  if (missing.length > 0 && request.nodes !== undefined) {
    throw badInput(
      'host-not-named',
      `${missing.map((host) => host.address.ip).join(', ')} belong${missing.length === 1 ? 's' : ''} to cluster ${cluster.name} but is not named`,
      'run adds hosts and never takes any away: name every host, or none',
    );
  }
  const added = wanted.filter(({ address }) => !current.some((host) => host.address.ip === address.ip));
  if (added.some((host) => host.roles.includes('master'))) {
    throw badInput(
      'control-plane-change',
      `cluster ${cluster.name} has its control plane on ${currentMasters.join(', ')}`,
      'run cannot add control planes to it',
    );
  }
  const groups = added.length === 0 ? [] : [{ ips: added.map((host) => host.address), roles: ['node'], env: new Map<string, string>() }];
  return { ...cluster, ...settings, images, hosts: [...cluster.hosts, ...groups], status: cluster.status ?? emptyStatus };
}
