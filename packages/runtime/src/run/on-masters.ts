import { type Cluster, clusterHosts } from '../cluster/cluster.ts';
import type { Address } from '../host/host.ts';
import type { ClusterPlanInput } from '../plan/plan-cluster.ts';
import { findExecutables } from './own-executable.ts';
import type { ReachedHost } from './prepare.ts';

/** As whom each host of a cluster is reached. */
export function usersOf(cluster: Cluster): (address: Address) => string {
  const users = new Map(clusterHosts(cluster).map(({ address, ssh }) => [address.ip, ssh.user ?? 'root']));
  return ({ ip }) => users.get(ip) ?? 'root';
}

/** This program for the control planes: for those whose architecture it was built for. `clusterfile` is what lies there beside it. */
export async function prepareMasters(
  cluster: Cluster,
  masters: readonly ReachedHost[],
  clusterfile: () => Promise<string>,
): Promise<ClusterPlanInput['onMasters']> {
  const found = await findExecutables(masters.map(({ facts }) => facts.architecture));
  const executables = masters.flatMap(({ spec, facts }) => {
    const executable = found.get(facts.architecture);
    return executable ? [{ address: spec.address, executable, compression: facts.tools.zstd ? ('zstd' as const) : ('gzip' as const) }] : [];
  });
  return { executables, userOf: usersOf(cluster), clusterfile };
}
