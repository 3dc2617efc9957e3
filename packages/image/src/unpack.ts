import { createHash } from 'node:crypto';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { ContentOptions, ContentSource } from './content.ts';
import { badInput } from './error.ts';
import type { Image } from './image.ts';
import { layerBytes } from './layer.ts';
import { requireDiffId } from './layer-files.ts';
import { readTar } from './tar-read.ts';
import { openTree, type UnpackedTree } from './unpack-tree.ts';
import { verified } from './verify.ts';

export interface UnpackOptions extends ContentOptions {
  /** Give files the owners that the image says; default: when this process is root. */
  readonly owners?: boolean | undefined;
  /** Told the compressed bytes done so far. */
  readonly onProgress?: ((bytes: number) => void) | undefined;
}

export interface Unpacked {
  readonly entries: number;
  readonly bytes: number;
  /** Device nodes and pipes: they are left out, as Node cannot make them and a cluster image has no use for them. */
  readonly skipped: readonly string[];
}

/**
 * Unpacks an image into a directory that is new or empty: layers one on another, whiteouts applied, with modes, owners (as
 * root), times and links. Names and links are resolved inside the directory as if it were `/`, so nothing outside is ever
 * touched; names with `..` are refused. Extended attributes are not set. On failure the directory is left as it was.
 */
export async function unpackImage(source: ContentSource, image: Image, directory: string, options: UnpackOptions = {}): Promise<Unpacked> {
  const root = resolve(directory);
  const created = await mkdir(root, { recursive: true });
  if (created === undefined && (await readdir(root)).length > 0) {
    throw badInput('not-empty', `cannot unpack into ${root}: it is not empty`, 'choose a new directory');
  }
  try {
    const tree = openTree(root, { owners: options.owners ?? process.geteuid?.() === 0 });
    for (const position of image.layers.keys()) await unpackLayer(source, image, position, tree, options);
    return tree.finish();
  } catch (error) {
    if (created !== undefined) await rm(created, { recursive: true, force: true });
    else for (const name of await readdir(root)) await rm(join(root, name), { recursive: true, force: true });
    throw error;
  }
}

async function unpackLayer(
  source: ContentSource,
  image: Image,
  position: number,
  tree: UnpackedTree,
  options: UnpackOptions,
): Promise<void> {
  const layer = image.layers[position];
  if (layer === undefined) return;
  tree.beginLayer();
  const blob = verified(await source.fetch(image.reference, layer, { signal: options.signal }), layer);
  const tar = layerBytes(blob, layer);
  const hash = createHash('sha256');
  const hashed = async function* (): AsyncGenerator<Buffer> {
    for await (const chunk of tar) {
      hash.update(chunk);
      yield chunk;
    }
  };
  try {
    for await (const item of readTar(hashed())) {
      options.signal?.throwIfAborted();
      await tree.put(item);
    }
  } finally {
    tar.destroy();
  }
  requireDiffId(image, position, `sha256:${hash.digest('hex')}`);
  options.onProgress?.(layer.size);
}
