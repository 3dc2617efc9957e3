import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { writeForgettable } from '../atomic.ts';
import { type Digest, hexOf, isDigest } from '../digest.ts';
import type { WrittenLayer } from '../layer.ts';
import type { Store } from '../store.ts';

/** What an instruction made when it was last carried out: a layer, or nothing. */
export interface CachedStep {
  readonly layer: WrittenLayer | undefined;
  /** Of its newest file, seconds since 1970. */
  readonly newest: number;
}

// Another version's records are not found any more: raise it when what goes into a key, or what is made of it, changes.
const VERSION = 2;
const digest = v.custom<Digest>((value) => typeof value === 'string' && isDigest(value));
const record = v.object({
  layer: v.optional(
    v.object({
      descriptor: v.object({ mediaType: v.string(), digest, size: v.number() }),
      diffId: digest,
      uncompressedBytes: v.number(),
    }),
  ),
  newest: v.number(),
});

/** The key of what is made of these inputs. */
export function cacheKey(...inputs: readonly unknown[]): string {
  return createHash('sha256')
    .update(JSON.stringify([VERSION, ...inputs]))
    .digest('hex');
}

/** Where a build keeps what makes the next one quick. All of it can go at any time. */
export function buildDirectory(store: { readonly path: string }, ...below: readonly string[]): string {
  return join(store.path, 'sealos', 'build', ...below);
}

/** What was made of a key's inputs; undefined when nobody knows, or its content is gone. */
export async function recall(store: Store, key: string): Promise<CachedStep | undefined> {
  const text = await readFile(buildDirectory(store, 'steps', `${key}.json`), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const read = v.safeParse(record, parsed(text));
  if (!read.success) return undefined;
  const { layer, newest } = read.output;
  if (layer !== undefined && !(await store.hasBlob(layer.descriptor.digest, layer.descriptor.size))) return undefined;
  return { layer, newest };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Remembers what was made. Its layer has to be in the store. A store that cannot be written just remembers nothing. */
export async function remember(store: Store, key: string, step: CachedStep): Promise<void> {
  const directory = buildDirectory(store, 'steps');
  const { layer, newest } = step;
  const text = JSON.stringify({ ...(layer === undefined ? {} : { layer: bare(layer) }), newest });
  await mkdir(directory, { recursive: true })
    .then(() => writeForgettable(join(directory, `${key}.json`), text))
    .catch(() => {});
}

function bare({ descriptor, diffId, uncompressedBytes }: WrittenLayer): WrittenLayer {
  return { descriptor, diffId, uncompressedBytes };
}

const WEEK = 7 * 24 * 3600 * 1000;

/**
 * For the store's collection, under its lock and with no build at work: removes unpacked trees, records whose layer is gone, and
 * directories of `RUN --mount=type=cache` that no build used for a week.
 */
export async function collectBuildCache(store: { readonly path: string }): Promise<void> {
  await rm(buildDirectory(store, 'roots'), { recursive: true, force: true });
  const steps = buildDirectory(store, 'steps');
  for (const name of await readdir(steps).catch(() => [])) {
    const read = v.safeParse(record, parsed(await readFile(join(steps, name), 'utf8').catch(() => '')));
    const layer = read.success ? read.output.layer : undefined;
    const blob = layer === undefined ? undefined : join(store.path, 'blobs', 'sha256', hexOf(layer.descriptor.digest));
    const isThere = read.success && (blob === undefined || (await stat(blob).catch(() => undefined)) !== undefined);
    if (!isThere) await rm(join(steps, name), { force: true });
  }
  const mounts = buildDirectory(store, 'mounts');
  for (const name of await readdir(mounts).catch(() => [])) {
    const found = await stat(join(mounts, name)).catch(() => undefined);
    if (found !== undefined && Date.now() - found.mtimeMs > WEEK) await rm(join(mounts, name), { recursive: true, force: true });
  }
}

/** Marks a directory as used now. */
export async function touch(path: string): Promise<void> {
  const now = new Date();
  await utimes(path, now, now).catch(() => {});
}
