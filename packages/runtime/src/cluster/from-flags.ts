import type { Cluster, Ssh } from './cluster.ts';

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

/** The cluster that a command line asks for. Throws bad input: no master, a host twice, a host as master and node. */
export function clusterFromFlags(_flags: ClusterFlags): Cluster {
  throw new Error('not reached');
}

/** Refuses a cluster that cannot be: no master, a host twice, a registry host that is neither master nor node, a bad name. */
export function validateCluster(_cluster: Cluster): void {
  throw new Error('not reached');
}
