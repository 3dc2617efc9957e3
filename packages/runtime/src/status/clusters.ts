import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Cluster, type ClusterPhase, clusterHosts } from '../cluster/cluster.ts';
import { parseClusterfile } from '../cluster/clusterfile.ts';
import { hostName } from '../host/host-name.ts';
import { lockOwner } from '../state/lock.ts';
import { stateRoot } from '../state/state.ts';

/** One cluster of this operator. */
export interface ClusterSummary {
  readonly name: string;
  readonly phase: ClusterPhase | undefined;
  readonly hosts: readonly { readonly host: string; readonly roles: readonly string[] }[];
  readonly images: readonly string[];
  /** RFC 3339. */
  readonly createdAt: string | undefined;
  /** When it was removed; undefined: it stands. */
  readonly retiredAt: string | undefined;
  /** What works on it at this moment. */
  readonly busy: string | undefined;
  /** Why its Clusterfile cannot be read; then little else is there. */
  readonly problem: string | undefined;
}

function summary(name: string, cluster: Cluster | undefined, rest: Pick<ClusterSummary, 'retiredAt' | 'busy' | 'problem'>): ClusterSummary {
  return {
    name,
    phase: cluster?.status.phase,
    hosts: cluster ? clusterHosts(cluster).map(({ address, roles }) => ({ host: hostName(address), roles })) : [],
    images: cluster?.images ?? [],
    createdAt: cluster?.createdAt,
    ...rest,
  };
}

async function readCluster(path: string): Promise<{ readonly cluster?: Cluster; readonly problem?: string }> {
  try {
    return { cluster: parseClusterfile(await readFile(path, 'utf8'), { name: path }).cluster };
  } catch (error) {
    return { problem: error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error) };
  }
}

/**
 * Every cluster whose state lies below `root` (by default `SEALOS_RUNTIME_ROOT`, else `~/.sealos`), by name; with `retired` also those
 * that were removed, after their successors of the same name, the last first. No host is asked.
 */
export async function listClusters(
  options: { readonly root?: string; readonly retired?: boolean } = {},
): Promise<readonly ClusterSummary[]> {
  const root = options.root ?? stateRoot();
  const entries = await readdir(root, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const clusters: ClusterSummary[] = [];
  for (const { name } of entries.filter((entry) => entry.isDirectory()).sort((one, other) => (one.name < other.name ? -1 : 1))) {
    const home = join(root, name);
    const files: readonly string[] = await readdir(home).catch(() => []);
    if (files.includes('Clusterfile')) {
      const { cluster, problem } = await readCluster(join(home, 'Clusterfile'));
      const owner = await lockOwner(join(home, 'lock'));
      clusters.push(summary(name, cluster, { retiredAt: undefined, busy: owner?.command, problem }));
    }
    if (!options.retired) continue;
    const retired = files
      .flatMap((file) => /^Clusterfile\.(\d{9,})$/.exec(file)?.[1] ?? [])
      .sort((one, other) => Number(other) - Number(one));
    for (const time of retired) {
      const { cluster, problem } = await readCluster(join(home, `Clusterfile.${time}`));
      clusters.push(
        summary(name, cluster, { retiredAt: new Date(Number(time) * 1000).toISOString().replace('.000Z', 'Z'), busy: undefined, problem }),
      );
    }
  }
  return clusters;
}
