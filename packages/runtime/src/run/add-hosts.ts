import { badInput } from '@sealos/image';
import { clusterHosts, type Ssh } from '../cluster/cluster.ts';
import { converge } from './converge.ts';
import { type HostLists, withHosts } from './desired.ts';
import { storedCluster } from './stored-cluster.ts';
import type { ChangeOptions, ChangeResult } from './wish.ts';

export interface AddHostsOptions extends ChangeOptions, HostLists {
  readonly cluster: string;
  /** How the new hosts are reached, where that differs from the others. */
  readonly ssh: Ssh;
}

/** `sealos add`: more hosts for a cluster, workers at once, control planes one by one. Hosts that are there already are left as they are. */
export async function addHosts(options: AddHostsOptions): Promise<ChangeResult> {
  if (!options.masters && !options.nodes) throw badInput('no-hosts', 'nothing to add', 'name hosts with --masters or --nodes');
  const { state } = await storedCluster(options.cluster, {});
  await using _lock = await state.lock('add');
  const { stored } = await storedCluster(options.cluster, {});
  const usual = new Map(Object.entries(stored.cluster.ssh));
  const own = Object.entries(options.ssh).some(([name, value]) => usual.get(name) !== value) ? options.ssh : undefined;
  const cluster = withHosts(stored.cluster, options, own);
  const added = clusterHosts(cluster).length - clusterHosts(stored.cluster).length;
  const finished = stored.cluster.status.phase === 'ClusterSuccess';
  if (added === 0 && finished) throw badInput('already-joined', `these hosts are all of cluster ${cluster.name} already`);
  const wish = {
    verb: 'add',
    file: { ...stored, cluster },
    leaving: [],
    requested: [],
    env: [],
    command: [],
    force: false,
    keepGoing: false,
  };
  return await converge(state, stored, wish, options);
}
