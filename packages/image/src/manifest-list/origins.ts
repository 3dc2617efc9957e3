import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeAtomic } from '../atomic.ts';
import { type Digest, hexOf } from '../digest.ts';
import { parseReference, type Reference } from '../reference.ts';

// A list may name images that were never fetched. Where they are is remembered beside the blobs and not in the list, whose bytes
// are what is pushed.
const directoryOf = (store: string) => join(store, 'sealos', 'origins');

/** Remembers in which repository of which registry an image's manifest is. */
export async function rememberOrigin(
  store: { readonly path: string },
  manifest: Digest,
  { registry, repository }: Reference,
): Promise<void> {
  await mkdir(directoryOf(store.path), { recursive: true });
  await writeAtomic(join(directoryOf(store.path), hexOf(manifest)), `${registry}/${repository}\n`);
}

/** Where an image's manifest can be fetched; undefined when nobody said so. */
export async function originOf(store: { readonly path: string }, manifest: Digest): Promise<Reference | undefined> {
  const text = await readFile(join(directoryOf(store.path), hexOf(manifest)), 'utf8').catch(() => undefined);
  if (text === undefined || text === '') return undefined;
  return parseReference(`${text.trim()}@${manifest}`);
}

/** For the store's collection: forgets the origins of images that no list names any more. */
export async function collectOrigins(store: string, reachable: ReadonlySet<string>): Promise<void> {
  for (const name of await readdir(directoryOf(store)).catch(() => [])) {
    if (!reachable.has(name)) await rm(join(directoryOf(store), name), { force: true });
  }
}
