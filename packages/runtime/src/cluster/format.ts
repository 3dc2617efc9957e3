import type { Clusterfile } from './cluster.ts';

/** The Clusterfile as YAML, without passwords and key texts. */
export function formatClusterfile(_file: Clusterfile): string {
  throw new Error('not reached');
}
