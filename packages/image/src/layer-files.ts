import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeForgettable } from './atomic.ts';
import type { ContentOptions } from './content.ts';
import { type Digest, hexOf } from './digest.ts';
import { badInput, SealosError } from './error.ts';
import type { Image } from './image.ts';
import { layerBytes } from './layer.ts';
import type { Descriptor } from './manifest.ts';
import { familiarName } from './reference.ts';
import { shownName } from './shown-name.ts';
import type { Store } from './store.ts';
import type { TarHeader } from './tar.ts';
import { readTar } from './tar-read.ts';
import { verified } from './verify.ts';

/** One entry of a layer's tar, with where its content begins in the uncompressed bytes. */
export interface LayerEntry extends Omit<TarHeader, 'xattrs'> {
  readonly offset: number;
}

/** What is in a layer. */
export interface LayerFiles {
  readonly diffId: Digest;
  readonly uncompressedBytes: number;
  /** In the layer's order, whiteouts among them. */
  readonly entries: readonly LayerEntry[];
}

/** What a layer does, for whoever decides how it is sent or applied. */
export interface LayerSummary {
  readonly diffId: Digest;
  readonly uncompressedBytes: number;
  readonly entries: number;
  /** First parts of the paths, sorted, whiteouts excluded. */
  readonly topLevelNames: readonly string[];
  /** Paths that the layer deletes from those below it; an opaque directory as `directory/` and all of the root as `/`. */
  readonly whiteouts: readonly string[];
  readonly hasWhiteouts: boolean;
  /** Whether all that the layer adds or deletes lies at or below a path (the directories that lead there aside). */
  onlyUnder(prefix: string): boolean;
}

export const WHITEOUT = '.wh.';
/** image-spec layer.md: hides everything that lower layers have in its directory. */
export const OPAQUE = '.wh..wh..opq';

// Raised when layers are refused that were not before.
const VERSION = 2;

/** A layer's entries: read through once, verified, then remembered in the store under the layer's digest. */
export async function layerFiles(store: Store, layer: Descriptor, options: ContentOptions = {}): Promise<LayerFiles> {
  const directory = join(store.path, 'sealos', 'index');
  const file = join(directory, `${hexOf(layer.digest)}.json`);
  const known = await readKnown(file);
  if (known !== undefined) return known;
  const files = await scan(store, layer, options);
  // Only remembered: a store that cannot be written is read all the same.
  await mkdir(directory, { recursive: true })
    .then(() => writeForgettable(file, JSON.stringify({ version: VERSION, ...files })))
    .catch(() => {});
  return files;
}

/**
 * `layerFiles` of each of an image's layers, held against the diff ids in its config: what is kept under those (unpacked trees, build steps)
 * is another image's as well. Throws `content-mismatch`.
 */
export async function imageLayerFiles(store: Store, image: Image, options: ContentOptions = {}): Promise<readonly LayerFiles[]> {
  const all: LayerFiles[] = [];
  for (const [position, layer] of image.layers.entries()) {
    const files = await layerFiles(store, layer, options);
    requireDiffId(image, position, files.diffId);
    all.push(files);
  }
  return all;
}

/** Throws `content-mismatch` when a layer's uncompressed bytes are not those that the image's config names. */
export function requireDiffId(image: Image, position: number, diffId: Digest): void {
  if (image.config.rootfs.diff_ids[position] === diffId) return;
  throw new SealosError(
    'content-mismatch',
    `layer ${position + 1} of ${familiarName(image.reference)} is not the one that its config names`,
    {
      hint: 'the image was made wrong, or to deceive: have it built and pushed again',
    },
  );
}

export async function layerSummary(store: Store, layer: Descriptor, options: ContentOptions = {}): Promise<LayerSummary> {
  const { diffId, uncompressedBytes, entries } = await layerFiles(store, layer, options);
  const whiteouts = entries.flatMap(({ path }) => whiteoutOf(path) ?? []);
  const added = entries.filter(({ path }) => path !== '' && whiteoutOf(path) === undefined);
  return {
    diffId,
    uncompressedBytes,
    entries: entries.length,
    topLevelNames: [...new Set(added.map(({ path }) => path.split('/')[0] ?? ''))].sort(),
    whiteouts: whiteouts.map(({ path, opaque }) => (opaque ? `${path}/` : path)),
    hasWhiteouts: whiteouts.length > 0,
    onlyUnder(prefix) {
      const isInside = (path: string) => path === prefix || path.startsWith(`${prefix}/`);
      const leadsThere = (entry: LayerEntry) => entry.type === 'directory' && (entry.path === '' || prefix.startsWith(`${entry.path}/`));
      return whiteouts.every(({ path }) => isInside(path)) && added.every((entry) => isInside(entry.path) || leadsThere(entry));
    },
  };
}

/** What a whiteout entry's path deletes; undefined for any other path. `.wh..wh.` names that mean nothing in image-spec delete nothing. */
export function whiteoutOf(path: string): { readonly path: string; readonly opaque: boolean } | undefined {
  const slash = path.lastIndexOf('/');
  const parent = slash < 0 ? '' : path.slice(0, slash);
  const name = path.slice(slash + 1);
  if (name === OPAQUE) return { path: parent, opaque: true };
  if (!name.startsWith(WHITEOUT)) return undefined;
  const target = name.slice(WHITEOUT.length);
  // "." and ".." and nothing would be the directory itself or its parent.
  if (target === '' || target === '.' || target === '..')
    throw badInput('bad-archive', `the layer has a whiteout '${shownName(path)}' that names nothing`);
  return { path: parent === '' ? target : `${parent}/${target}`, opaque: false };
}

/** The uncompressed bytes of a layer, its blob verified while it is read. */
export async function openLayer(store: Store, layer: Descriptor, options: ContentOptions = {}) {
  return layerBytes(verified(await store.read(layer.digest, options), layer), layer);
}

async function scan(store: Store, layer: Descriptor, options: ContentOptions): Promise<LayerFiles> {
  const hash = createHash('sha256');
  let uncompressedBytes = 0;
  const tar = await openLayer(store, layer, options);
  const counted = async function* (): AsyncGenerator<Buffer> {
    for await (const chunk of tar) {
      hash.update(chunk);
      uncompressedBytes += chunk.length;
      yield chunk;
    }
  };
  const entries: LayerEntry[] = [];
  for await (const { header, offset } of readTar(counted())) {
    if (header.path.split('/').includes('..'))
      throw badInput('bad-archive', `the layer has the name '${shownName(header.path)}', which leads out of its root`);
    const { xattrs: _, ...rest } = header;
    entries.push({ ...rest, offset });
  }
  return { diffId: `sha256:${hash.digest('hex')}`, uncompressedBytes, entries };
}

// Written by this program alone; another version's, or a damaged one, is made anew.
async function readKnown(file: string): Promise<LayerFiles | undefined> {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined || !text.startsWith(`{"version":${VERSION},"diffId":"sha256:`)) return undefined;
  try {
    const { diffId, uncompressedBytes, entries }: LayerFiles = JSON.parse(text);
    return { diffId, uncompressedBytes, entries };
  } catch {
    return undefined;
  }
}
