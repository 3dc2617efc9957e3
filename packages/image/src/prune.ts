import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { buildDirectory } from './build/layer-cache.ts';
import type { ContentOptions } from './content.ts';
import type { Store } from './store.ts';
import type { Garbage } from './store-garbage.ts';

/** What pruning removed. */
export interface Pruned extends Garbage {
  /** Bytes on the disk of what only made builds quicker: unpacked trees, records, directories of `RUN --mount=type=cache`. */
  readonly cacheBytes: number;
}

/** Removes what no name leads to: blobs, and what builds and scans keep to be quicker. Images, containers and what is being written stay. */
export async function prune(store: Store, options: ContentOptions = {}): Promise<Pruned> {
  const caches = [buildDirectory(store), join(store.path, 'sealos', 'index')];
  const before = await sizeOf(caches);
  const garbage = await store.collectGarbage(options);
  return { ...garbage, cacheBytes: garbage.busy ? 0 : Math.max(0, before - (await sizeOf(caches))) };
}

async function sizeOf(paths: readonly string[]): Promise<number> {
  let bytes = 0;
  for (const path of paths) {
    const found = await lstat(path).catch(() => undefined);
    if (found?.isDirectory()) bytes += await sizeOf((await readdir(path).catch(() => [])).map((name) => join(path, name)));
    else bytes += found?.size ?? 0;
  }
  return bytes;
}
