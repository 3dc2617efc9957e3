import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { type Digest, isDigest } from '../digest.ts';
import { badInput } from '../error.ts';

// `sealos/trees/ID/` in the store: `tree.json`, and `root/` while it is mounted. Whatever is there is whole: it gets there by one rename.
export const treesOf = (store: { readonly path: string }) => join(store.path, 'sealos', 'trees');

const record = v.object({
  id: v.pipe(v.string(), v.regex(/^[0-9a-f]{12}$/)),
  name: v.string(),
  image: v.string(),
  digest: v.custom<Digest>((value) => typeof value === 'string' && isDigest(value)),
  platform: v.string(),
  created: v.string(),
});

/** What is written down of a working tree. */
export type TreeRecord = v.InferOutput<typeof record>;

/** An image's files unpacked on this machine, to look at and to copy from; buildah calls it a container. */
export interface WorkingTree extends TreeRecord {
  /** Where its files are or would be. */
  readonly root: string;
  readonly isMounted: boolean;
}

/** All working trees of a store, the oldest first. */
export async function listTrees(store: { readonly path: string }): Promise<readonly WorkingTree[]> {
  const trees: WorkingTree[] = [];
  for (const id of await readdir(treesOf(store)).catch(() => [])) {
    const directory = join(treesOf(store), id);
    const text = await readFile(join(directory, 'tree.json'), 'utf8').catch(() => undefined);
    const read = text === undefined ? undefined : v.safeParse(v.pipe(v.string(), v.parseJson(), record), text);
    if (read === undefined || !read.success || read.output.id !== id) continue;
    const root = join(directory, 'root');
    trees.push({ ...read.output, root, isMounted: (await stat(root).catch(() => undefined)) !== undefined });
  }
  return trees.sort((a, b) => (a.created === b.created ? (a.name < b.name ? -1 : 1) : a.created < b.created ? -1 : 1));
}

/** A working tree by its name, its id, or the beginning of that. Throws `no-tree` (exit 2). */
export async function findTree(store: { readonly path: string }, name: string): Promise<WorkingTree> {
  const trees = await listTrees(store);
  const byName = trees.find((tree) => tree.name === name || tree.id === name);
  const byStart = /^[0-9a-f]{3,}$/.test(name) ? trees.filter(({ id }) => id.startsWith(name)) : [];
  const found = byName ?? (byStart.length === 1 ? byStart[0] : undefined);
  if (found !== undefined) return found;
  throw badInput('no-tree', `there is no container '${name}'`, "'sealos containers' lists them, 'sealos from IMAGE' makes one");
}
