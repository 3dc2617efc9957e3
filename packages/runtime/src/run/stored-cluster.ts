import { badInput } from '@sealos/image';
import type { Clusterfile, Ssh } from '../cluster/cluster.ts';
import { type ClusterState, openState } from '../state/state.ts';
import { exists } from './desired.ts';

/**
 * The state of a cluster that exists, with the login settings of this call laid over the kept ones. Throws `no-cluster` (exit 2).
 * Whoever goes on to change the cluster takes `state.lock(…)` first and reads again.
 */
export async function storedCluster(name: string, ssh: Ssh): Promise<{ readonly state: ClusterState; readonly stored: Clusterfile }> {
  const state = await openState(name);
  const stored = await state.read();
  if (!exists(stored))
    throw badInput('no-cluster', `there is no cluster '${name}'`, 'name another with --cluster; `sealos clusters` lists them');
  return { state, stored: { ...stored, cluster: { ...stored.cluster, ssh: { ...stored.cluster.ssh, ...ssh } } } };
}
