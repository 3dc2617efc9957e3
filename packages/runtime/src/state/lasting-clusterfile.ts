import type { Clusterfile } from '../cluster/cluster.ts';
import { formatClusterfile } from '../cluster/format.ts';

/** The Clusterfile without what differs from run to run. */
export function lastingClusterfile(file: Clusterfile, createdAt: string | undefined): string {
  const { cluster } = file;
  const status = { mounts: cluster.status.mounts, phase: 'ClusterSuccess' as const, conditions: [], commandConditions: [] };
  return formatClusterfile({ ...file, cluster: { ...cluster, ...(createdAt === undefined ? {} : { createdAt }), status } });
}
