import type { ContentOptions } from './content.ts';
import { type Digest, digestOf } from './digest.ts';
import { layerFiles, openLayer } from './layer-files.ts';
import type { Descriptor, Index, Manifest } from './manifest.ts';
import { parseIndex, parseManifest } from './manifest-parse.ts';
import { isIndex, OCI_LAYER, OCI_MANIFEST } from './media-types.ts';
import type { Reference } from './reference.ts';
import type { Store } from './store.ts';
import type { TarEntry } from './tar.ts';
import { readContent, verified } from './verify.ts';

/** A blob of an image that is being saved. */
export interface SavedBlob {
  readonly digest: Digest;
  readonly size: number;
  readonly content: NonNullable<TarEntry['content']>;
}

/** An image, or an index with all that it lists, as it is saved. */
export interface SavedTree {
  readonly root: Descriptor;
  readonly blobs: readonly SavedBlob[];
}

/** An image as it would be had its layers never been compressed: its manifests are written anew, its configs stay. */
export async function uncompressedTree(
  store: Store,
  reference: Reference,
  descriptor: Descriptor,
  options: ContentOptions = {},
): Promise<SavedTree> {
  const bytes = await readContent(store, reference, descriptor, options);
  if (isIndex(descriptor.mediaType)) {
    const index = parseIndex(bytes, descriptor.mediaType);
    const children: SavedTree[] = [];
    for (const child of index.manifests) children.push(await uncompressedTree(store, reference, child, options));
    const manifests = index.manifests.map((child, position) => ({ ...child, ...children[position]?.root }));
    const saved = document({ ...index, manifests } satisfies Index, descriptor.mediaType);
    return { root: saved.root, blobs: [...children.flatMap(({ blobs }) => blobs), ...saved.blobs] };
  }
  const manifest = parseManifest(bytes, descriptor.mediaType);
  const layers: SavedBlob[] = [];
  for (const layer of manifest.layers) {
    const { diffId, uncompressedBytes } = await layerFiles(store, layer, options);
    layers.push({ digest: diffId, size: uncompressedBytes, content: () => openLayer(store, layer, options) });
  }
  const { config } = manifest;
  const saved = document(
    {
      ...manifest,
      mediaType: OCI_MANIFEST,
      layers: layers.map(({ digest, size }) => ({ mediaType: OCI_LAYER, digest, size })),
    } satisfies Manifest,
    OCI_MANIFEST,
  );
  const kept = {
    digest: config.digest,
    size: config.size,
    content: async () => verified(await store.read(config.digest, options), config),
  };
  return { root: saved.root, blobs: [kept, ...layers, ...saved.blobs] };
}

function document(value: Manifest | Index, mediaType: string): SavedTree {
  const content = Buffer.from(JSON.stringify(value));
  const root: Descriptor = { mediaType, digest: digestOf(content), size: content.length };
  return { root, blobs: [{ digest: root.digest, size: root.size, content }] };
}
