import type { ContentOptions } from '../content.ts';
import { writeLayer } from '../layer.ts';
import { layerFiles, openLayer, whiteoutOf } from '../layer-files.ts';
import type { Descriptor, ImageConfig } from '../manifest.ts';
import { type PathTree, pathTree } from '../path-tree.ts';
import type { Store } from '../store.ts';
import type { TarEntry } from '../tar.ts';
import { readTar } from '../tar-read.ts';
import type { BuildOptions } from './build-options.ts';

/**
 * Makes one layer of all that lie over the first `kept`, in constant memory: each is read once, and of every path only what the
 * uppermost layer says is written. The history keeps its entries, all but the last of them without a layer.
 */
export async function squashLayers(
  store: Store,
  layers: readonly Descriptor[],
  config: ImageConfig,
  kept: number,
  options: BuildOptions,
): Promise<{ readonly layers: readonly Descriptor[]; readonly config: ImageConfig }> {
  const above = layers.slice(kept);
  if (above.length < 2) return { layers, config };
  const compression = options.compression ?? (options.format === 'docker' ? 'gzip' : 'zstd');
  const written = await writeLayer(store, squashedEntries(store, above, options), { compression, signal: options.signal });
  const diff_ids = [...config.rootfs.diff_ids.slice(0, kept), written.diffId];
  let left = 0;
  const total = (config.history ?? []).filter(({ empty_layer }) => empty_layer !== true).length;
  const history = config.history?.map((entry) => {
    if (entry.empty_layer === true) return entry;
    left++;
    return left <= kept || left === total ? entry : { ...entry, empty_layer: true };
  });
  return {
    layers: [...layers.slice(0, kept), written.descriptor],
    config: { ...config, rootfs: { type: 'layers', diff_ids }, ...(history === undefined ? {} : { history }) },
  };
}

/** Which layer has the last word on each path, and which whiteouts are still needed for what is below all of them. */
interface Survivors {
  readonly owner: Pick<PathTree<number>, 'get'>;
  /** A file whose own name is gone, by layer and path: the name that takes its content over. */
  readonly heirs: ReadonlyMap<string, string>;
}

async function* squashedEntries(store: Store, layers: readonly Descriptor[], options: ContentOptions): AsyncGenerator<TarEntry> {
  const { owner, heirs } = await survivors(store, layers, options);
  for (const [index, layer] of layers.entries()) {
    const tar = await openLayer(store, layer, options);
    try {
      for await (const { header, content } of readTar(tar)) {
        const heir = heirs.get(`${index}:${header.path}`);
        const isOwn = owner.get(header.path) === index;
        if (header.type === 'hardlink' && isOwn) {
          const first = heirs.get(`${index}:${header.linkname ?? ''}`);
          if (first !== header.path) yield first === undefined ? header : { ...header, linkname: first };
        } else if (isOwn || heir !== undefined) {
          const named = heir === undefined ? header : { ...header, path: heir };
          yield header.type === 'file' ? { ...named, content: () => content() } : named;
        }
      }
    } finally {
      tar.destroy();
    }
  }
}

async function survivors(store: Store, layers: readonly Descriptor[], options: ContentOptions): Promise<Survivors> {
  const owner = pathTree<number>();
  const heirs = new Map<string, string>();
  const types = new Map<string, string>();
  const links: { readonly index: number; readonly path: string; readonly target: string }[] = [];
  for (const [index, layer] of layers.entries()) {
    const { entries } = await layerFiles(store, layer, options);
    for (const { path } of entries) {
      const whiteout = whiteoutOf(path);
      if (whiteout === undefined) continue;
      if (whiteout.opaque) owner.removeBelow(whiteout.path);
      else owner.remove(whiteout.path);
    }
    for (const { path, type, linkname } of entries) {
      if (type !== 'directory' && types.get(path) === 'directory') owner.removeBelow(path);
      owner.set(path, index);
      types.set(path, type);
      // A path that came back needs no whiteout, unless it hides a directory below.
      if (type === 'hardlink') links.push({ index, path, target: linkname ?? '' });
    }
  }
  for (const { index, path, target } of links) {
    if (owner.get(path) !== index || owner.get(target) === index) continue;
    const key = `${index}:${target}`;
    if (!heirs.has(key)) heirs.set(key, path);
  }
  return { owner, heirs };
}
