import type { ContentOptions } from './content.ts';
import { followHardlink, type ImageFile, listFiles } from './files.ts';
import type { Image } from './image.ts';
import { openLayer } from './layer-files.ts';
import type { Store } from './store.ts';
import type { TarEntry } from './tar.ts';
import { readTar } from './tar-read.ts';

/**
 * What an image shows of the files that `wanted` picks, as entries of one new layer without whiteouts: directories and links first,
 * then contents in the order of the layers, each of which is read at most once, to its end and verified. A file of several names has
 * its content once. An entry's content has to be read before the next entry is asked for.
 */
export async function* visibleEntries(
  store: Store,
  image: Image,
  wanted: (file: ImageFile) => boolean,
  options: ContentOptions = {},
): AsyncGenerator<TarEntry> {
  const files = await listFiles(store, image, options);
  // By layer, by offset: the paths that have the content there.
  const places = image.layers.map(() => new Map<number, string[]>());
  for (const file of files.values()) {
    if (!wanted(file)) continue;
    if (file.type !== 'file' && file.type !== 'hardlink') {
      const { layer: _, offset: __, ...header } = file;
      yield header;
      continue;
    }
    const holder = followHardlink(files, file);
    const place = places[holder.layer];
    place?.set(holder.offset, [...(place.get(holder.offset) ?? []), file.path]);
  }
  for (const [layer, place] of places.entries()) {
    const descriptor = image.layers[layer];
    if (descriptor === undefined || place.size === 0) continue;
    const tar = await openLayer(store, descriptor, options);
    try {
      for await (const { header, offset, content } of readTar(tar)) {
        const [first, ...others] = header.type === 'file' ? (place.get(offset) ?? []) : [];
        if (first === undefined) continue;
        yield { ...header, path: first, content: () => content() };
        for (const path of others) yield { ...header, path, type: 'hardlink', size: 0, linkname: first };
      }
    } finally {
      tar.destroy();
    }
  }
}
