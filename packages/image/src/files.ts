import type { ContentOptions } from './content.ts';
import { badInput } from './error.ts';
import type { Image } from './image.ts';
import { imageLayerFiles, type LayerEntry, openLayer, whiteoutOf } from './layer-files.ts';
import { shownName } from './shown-name.ts';
import type { Store } from './store.ts';
import { readTar } from './tar-read.ts';

/** One path of an image, as its topmost layer has it. */
export interface ImageFile extends LayerEntry {
  /** Index into the image's layers. */
  readonly layer: number;
}

interface Node {
  file?: ImageFile;
  readonly children: Map<string, Node>;
}

/** All that an image holds once its layers lie on one another, by path, sorted: whiteouts applied, what is covered left out. */
export async function listFiles(store: Store, image: Image, options: ContentOptions = {}): Promise<ReadonlyMap<string, ImageFile>> {
  const root: Node = { children: new Map() };
  for (const [layer, { entries }] of (await imageLayerFiles(store, image, options)).entries()) {
    // A whiteout is for the layers below, wherever in its own layer it stands.
    for (const { path } of entries) remove(root, path);
    for (const entry of entries) {
      if (entry.path !== '' && whiteoutOf(entry.path) === undefined) put(root, { ...entry, layer });
    }
  }
  const files = new Map<string, ImageFile>();
  const flatten = (node: Node): void => {
    if (node.file !== undefined) files.set(node.file.path, node.file);
    for (const name of [...node.children.keys()].sort()) flatten(node.children.get(name) ?? root);
  };
  flatten(root);
  return files;
}

export interface ReadFilesOptions extends ContentOptions {
  /** Refuse files above this many bytes (default 16 MiB), so that an image cannot fill the memory. */
  readonly limit?: number | undefined;
}

/** The contents of the files that `wanted` picks, hard links followed, by path. Throws `file-too-big` (exit 2). */
export async function readFiles(
  store: Store,
  image: Image,
  wanted: (file: ImageFile) => boolean,
  options: ReadFilesOptions = {},
): Promise<ReadonlyMap<string, Buffer>> {
  const limit = options.limit ?? 16 * 1024 * 1024;
  const files = await listFiles(store, image, options);
  // By layer, by offset: the paths that have the content there.
  const places = image.layers.map(() => new Map<number, string[]>());
  for (const file of files.values()) {
    if ((file.type !== 'file' && file.type !== 'hardlink') || !wanted(file)) continue;
    const holder = followHardlink(files, file);
    if (holder.size > limit)
      throw badInput('file-too-big', `'${shownName(file.path)}' in the image has ${holder.size} bytes, at most ${limit} are read`);
    const place = places[holder.layer];
    place?.set(holder.offset, [...(place.get(holder.offset) ?? []), file.path]);
  }
  const contents = new Map<string, Buffer>();
  for (const [layer, place] of places.entries()) await readPlaces(store, image, layer, place, contents, options);
  return new Map([...contents].sort(([a], [b]) => (a < b ? -1 : 1)));
}

async function readPlaces(
  store: Store,
  image: Image,
  layer: number,
  place: ReadonlyMap<number, readonly string[]>,
  contents: Map<string, Buffer>,
  options: ContentOptions,
): Promise<void> {
  const descriptor = image.layers[layer];
  if (descriptor === undefined || place.size === 0) return;
  let left = place.size;
  const tar = await openLayer(store, descriptor, options);
  try {
    for await (const item of readTar(tar)) {
      const paths = place.get(item.offset);
      if (paths === undefined || item.header.type !== 'file') continue;
      const chunks: Buffer[] = [];
      for await (const chunk of item.content()) chunks.push(chunk);
      for (const path of paths) contents.set(path, Buffer.concat(chunks));
      if (--left === 0) return; // the layer's digest was checked when its entries were listed
    }
  } finally {
    tar.destroy();
  }
}

/** The file that has the content of a file or hard link. Throws `bad-archive` (exit 2) for a link to nothing. */
export function followHardlink(files: ReadonlyMap<string, ImageFile>, file: ImageFile): ImageFile {
  let at: ImageFile | undefined = file;
  for (let steps = 0; at?.type === 'hardlink' && steps < 40; steps++) at = files.get(at.linkname ?? '');
  if (at?.type !== 'file') throw badInput('bad-archive', `'${shownName(file.path)}' in the image is a hard link to nothing`);
  return at;
}

function remove(root: Node, path: string): void {
  const whiteout = whiteoutOf(path);
  if (whiteout === undefined) return;
  const parts = whiteout.path === '' ? [] : whiteout.path.split('/');
  const name = whiteout.opaque ? undefined : parts.pop();
  let node: Node | undefined = root;
  for (const part of parts) node = node?.children.get(part);
  if (name === undefined) node?.children.clear();
  else node?.children.delete(name);
}

function put(root: Node, file: ImageFile): void {
  let node = root;
  for (const part of file.path.split('/')) {
    const child: Node = node.children.get(part) ?? { children: new Map() };
    node.children.set(part, child);
    node = child;
  }
  node.file = file;
  if (file.type !== 'directory') node.children.clear();
}
