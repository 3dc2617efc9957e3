import { createHash } from 'node:crypto';
import type { ContentOptions } from '../content.ts';
import type { ImageFile } from '../files.ts';
import type { Image } from '../image.ts';
import { openLayer } from '../layer-files.ts';
import type { Store } from '../store.ts';
import { readTar } from '../tar-read.ts';

/** The sha256 (hex) of files' contents, by `layer:offset`. Each layer that has one is read once; nothing is kept in memory. */
export async function contentHashes(
  store: Store,
  image: Image,
  wanted: Iterable<ImageFile>,
  options: ContentOptions,
): Promise<ReadonlyMap<string, string>> {
  const places = new Map<number, Set<number>>();
  for (const { layer, offset } of wanted) places.set(layer, (places.get(layer) ?? new Set()).add(offset));
  const hashes = new Map<string, string>();
  for (const [layer, offsets] of places) {
    const descriptor = image.layers[layer];
    if (descriptor === undefined) continue;
    const tar = await openLayer(store, descriptor, options);
    try {
      for await (const { header, offset, content } of readTar(tar)) {
        if (header.type !== 'file' || !offsets.has(offset)) continue;
        const hash = createHash('sha256');
        for await (const chunk of content()) hash.update(chunk);
        hashes.set(placeOf({ layer, offset }), hash.digest('hex'));
      }
    } finally {
      tar.destroy();
    }
  }
  return hashes;
}

/** Where a content is in an image. */
export function placeOf({ layer, offset }: Pick<ImageFile, 'layer' | 'offset'>): string {
  return `${layer}:${offset}`;
}
