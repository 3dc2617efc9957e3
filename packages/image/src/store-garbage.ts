import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { collectBuildCache } from './build/layer-cache.ts';
import { type Digest, hexOf } from './digest.ts';
import type { Descriptor, Index } from './manifest.ts';
import { collectOrigins } from './manifest-list/origins.ts';
import { parseIndex, parseManifest } from './manifest-parse.ts';
import { isIndex, isManifest } from './media-types.ts';
import { ATTACHMENT, attachments, readLayoutIndex, writeLayoutIndex } from './store-index.ts';
import { liveLeases } from './store-lease.ts';

/** What a collection did. */
export interface Garbage {
  /** Blobs removed, and their bytes. */
  readonly removed: number;
  readonly bytes: number;
  /** Another process was writing, so nothing was removed. */
  readonly busy: boolean;
}

/**
 * Removes the blobs that neither a name nor `keep` leads to, and what is known about layers that are gone. Under the store's
 * lock: no new writer can begin meanwhile, and with another one at work (a lease other than `own`) nothing is removed, because
 * what it found present may be unnamed yet.
 */
export async function collect(store: string, own: string | undefined, keep: ReadonlySet<Digest>): Promise<Garbage> {
  const others = (await liveLeases(store)).filter((lease) => lease !== own);
  if (others.length > 0) return { removed: 0, bytes: 0, busy: true };

  const reachable = new Set([...keep].map(hexOf));
  const index = await readLayoutIndex(store);
  for (const entry of index.manifests) if (entry.annotations?.[ATTACHMENT] === undefined) await mark(store, entry, reachable);
  await markAttachments(store, index, reachable);

  const blobs = join(store, 'blobs', 'sha256');
  let removed = 0;
  let bytes = 0;
  for (const name of await readdir(blobs)) {
    if (reachable.has(name)) continue;
    const path = join(blobs, name);
    bytes += (await stat(path)).size;
    removed++;
    await rm(path, { recursive: true, force: true });
  }
  const facts = join(store, 'sealos', 'index');
  for (const name of await readdir(facts).catch(() => [])) {
    if (!reachable.has(name.replace(/\..*$/, ''))) await rm(join(facts, name), { force: true });
  }
  await collectOrigins(store, reachable);
  await collectBuildCache({ path: store });
  return { removed, bytes, busy: false };
}

// Signatures and the like stay as long as what they belong to; they may have such themselves.
async function markAttachments(store: string, index: Index, reachable: Set<string>): Promise<void> {
  let left = attachments(index);
  for (;;) {
    const found = left.filter(({ subject }) => reachable.has(hexOf(subject)));
    if (found.length === 0) break;
    for (const { entry, tag } of found) {
      // Of the index that a manifest was picked from the document is kept, not what else it lists.
      if (tag.endsWith('.list')) reachable.add(hexOf(entry.digest));
      else await mark(store, entry, reachable);
    }
    left = left.filter((one) => !found.includes(one));
  }
  const gone = new Set(left.map(({ entry }) => entry));
  if (gone.size > 0)
    await writeLayoutIndex(
      store,
      index.manifests.filter((entry) => !gone.has(entry)),
    );
}

async function mark(store: string, descriptor: Descriptor, reachable: Set<string>): Promise<void> {
  const hex = hexOf(descriptor.digest);
  if (reachable.has(hex) && !isIndex(descriptor.mediaType) && !isManifest(descriptor.mediaType)) return;
  reachable.add(hex);
  for (const child of await childrenOf(store, descriptor)) await mark(store, child, reachable);
}

// A child that is absent (a platform that was not pulled) leads nowhere. One that cannot be parsed is kept as a plain blob.
async function childrenOf(store: string, descriptor: Descriptor): Promise<readonly Descriptor[]> {
  const { mediaType } = descriptor;
  if (!isIndex(mediaType) && !isManifest(mediaType)) return [];
  const bytes = await readFile(join(store, 'blobs', 'sha256', hexOf(descriptor.digest))).catch(() => undefined);
  if (bytes === undefined) return [];
  if (isIndex(mediaType)) return parseIndex(bytes, mediaType).manifests;
  const manifest = parseManifest(bytes, mediaType);
  return [manifest.config, ...manifest.layers];
}
