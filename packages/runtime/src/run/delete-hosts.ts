import { badInput } from '@sealos/image';
import type { Cluster, ClusterHost, Ssh } from '../cluster/cluster.ts';
import { converge } from './converge.ts';
import { type HostLists, withoutHosts } from './desired.ts';
import { storedCluster } from './stored-cluster.ts';
import type { ChangeOptions, ChangeResult } from './wish.ts';

export interface DeleteHostsOptions extends ChangeOptions, HostLists {
  readonly cluster: string;
  readonly ssh: Ssh;
  /** Does not wait for pods that do not leave. */
  readonly force: boolean;
  /** Asked once it is known what would leave; resolves when it may go on, throws otherwise. */
  readonly confirm: (cluster: Cluster, leaving: readonly ClusterHost[]) => Promise<void>;
}

/**
 * `sealos delete`: takes hosts out of a cluster, the first control plane too: what it holds moves to the next one first. A host that
 * does not answer is taken out of the cluster's books.
 */
export async function deleteHosts(options: DeleteHostsOptions): Promise<ChangeResult> {
  if (!options.masters && !options.nodes) throw badInput('no-hosts', 'nothing to delete', 'name hosts with --masters or --nodes');
  const { state } = await storedCluster(options.cluster, options.ssh);
  await using _lock = await state.lock('delete');
  const { stored } = await storedCluster(options.cluster, options.ssh);
  const { cluster, leaving } = withoutHosts(stored.cluster, options);
  if (leaving.length === 0) throw badInput('no-such-host', `none of these hosts is of cluster ${cluster.name}`);
  if (!options.dryRun) await options.confirm(cluster, leaving);
  const wish = { verb: 'delete', file: { ...stored, cluster }, leaving, requested: [], env: [], command: [], keepGoing: false };
  return await converge(state, stored, { ...wish, force: options.force }, options);
}
