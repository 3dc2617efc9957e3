import { chmodSync, chownSync, lstatSync, lutimesSync } from 'node:fs';
import { access, mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ContentOptions } from '../content.ts';
import { digestOf, hexOf } from '../digest.ts';
import type { Image } from '../image.ts';
import { layerFiles, openLayer, requireDiffId, whiteoutOf } from '../layer-files.ts';
import type { Store } from '../store.ts';
import { readTar } from '../tar-read.ts';
import { unpackImage } from '../unpack.ts';
import { openTree } from '../unpack-tree.ts';
import { buildDirectory } from './layer-cache.ts';

/** A stack of directories, the uppermost first, that lie on one another as the layers of an image do. */
export type Lowers = readonly string[];

// More of them make the kernel slow, and their names too long for mount(2)'s one page.
const STACK = 20;

/** Names the content of a stack of layers: the same for the same layers in the same order. */
export function chainOf(image: Image, count = image.layers.length): string {
  return hexOf(digestOf(image.config.rootfs.diff_ids.slice(0, count).join('\n'))).slice(0, 24);
}

/**
 * An image's files in one directory, unpacked when that was not done before. Nobody may write there. Its real owners are those of the
 * image only when this process is root.
 */
export async function flatRoot(store: Store, image: Image, options: ContentOptions = {}): Promise<string> {
  return join(buildDirectory(store, 'roots'), await flatten(store, image, image.layers.length, options));
}

/**
 * The directories, below the store's `roots`, that overlayfs needs to show an image's files: those of the base image are one, and
 * each layer of ours is one.
 */
export async function lowersOf(store: Store, image: Image, baseLayers: number, options: ContentOptions = {}): Promise<Lowers> {
  const lowers = await stack(store, image, image.layers.length, baseLayers, options);
  return lowers.length <= STACK ? lowers : [await flatten(store, image, image.layers.length, options)];
}

/** Keeps a directory that a RUN wrote into, in overlayfs's own form, as the uppermost layer of an image. */
export async function keepDiff(store: Store, image: Image, directory: string): Promise<void> {
  await place(store, directory, diffName(image, image.layers.length));
}

function diffName(image: Image, count: number): string {
  return `${chainOf(image, count)}-d`;
}

async function stack(store: Store, image: Image, count: number, baseLayers: number, options: ContentOptions): Promise<Lowers> {
  if (count === 0) return [];
  const flat = `${chainOf(image, count)}-f`;
  if (await exists(store, flat)) return [flat];
  if (count <= baseLayers) return [await flatten(store, image, count, options)];
  const diff = diffName(image, count);
  const below = async () => stack(store, image, count - 1, baseLayers, options);
  if (await exists(store, diff)) return [diff, ...(await below())];
  const layer = image.layers[count - 1];
  if (layer === undefined) return below();
  const { entries, diffId } = await layerFiles(store, layer, options);
  requireDiffId(image, count - 1, diffId);
  // What deletes something has a form of its own in overlayfs, which Node cannot make: all together is unpacked then.
  if (entries.some(({ path }) => whiteoutOf(path) !== undefined)) return [await flatten(store, image, count, options)];
  const lowers = await below();
  await unpackDiff(store, image, count, lowers, options);
  return [diff, ...lowers];
}

async function flatten(store: Store, image: Image, count: number, options: ContentOptions): Promise<string> {
  const name = `${chainOf(image, count)}-f`;
  if (await exists(store, name)) return name;
  const draft = await draftOf(store);
  try {
    await unpackImage(store, { ...image, layers: image.layers.slice(0, count) }, draft, options);
    await place(store, draft, name);
    return name;
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

// One layer as a directory. The directories on the way to its files that it does not hold itself look as those below do: in
// overlayfs the uppermost says how a directory is.
async function unpackDiff(store: Store, image: Image, count: number, lowers: Lowers, options: ContentOptions): Promise<void> {
  const layer = image.layers[count - 1];
  if (layer === undefined) return;
  const draft = await draftOf(store);
  try {
    await mkdir(draft, { recursive: true });
    const tree = openTree(draft, { owners: process.geteuid?.() === 0 });
    const own = new Set<string>();
    const implied = new Set<string>(['']);
    tree.beginLayer();
    const tar = await openLayer(store, layer, options);
    try {
      for await (const item of readTar(tar)) {
        options.signal?.throwIfAborted();
        own.add(item.header.path);
        for (let path = item.header.path; path.includes('/'); ) {
          path = path.slice(0, path.lastIndexOf('/'));
          implied.add(path);
        }
        await tree.put(item);
      }
    } finally {
      tar.destroy();
    }
    tree.finish();
    const roots = lowers.map((lower) => buildDirectory(store, 'roots', lower));
    for (const path of implied)
      if (!own.has(path))
        dressLike(
          join(draft, path),
          roots.map((root) => join(root, path)),
        );
    await place(store, draft, diffName(image, count));
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

/** Gives a directory the mode, owner and times of the first of some others that is there; else mode 0755. */
export function dressLike(path: string, models: readonly string[]): void {
  for (const model of models) {
    const stat = lstatSync(model, { throwIfNoEntry: false });
    if (stat?.isDirectory() !== true) continue;
    chownSync(path, stat.uid, stat.gid);
    chmodSync(path, stat.mode & 0o7777);
    lutimesSync(path, stat.atimeMs / 1000, stat.mtimeMs / 1000);
    return;
  }
  chmodSync(path, 0o755);
}

async function exists(store: Store, name: string): Promise<boolean> {
  return access(buildDirectory(store, 'roots', name)).then(
    () => true,
    () => false,
  );
}

async function draftOf(store: Store): Promise<string> {
  const lease = await store.lease();
  return join(lease.path, `${lease.next()}.root`);
}

async function place(store: Store, draft: string, name: string): Promise<void> {
  await mkdir(buildDirectory(store, 'roots'), { recursive: true });
  // Another build may have been first: then there is one already, with the same content.
  await rename(draft, buildDirectory(store, 'roots', name)).catch(async (error: unknown) => {
    if (!(await exists(store, name))) throw error;
  });
}
