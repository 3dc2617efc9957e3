import { changeEntries } from '../build/run/change-entries.ts';
import type { ContentOptions } from '../content.ts';
import { badInput, SealosError } from '../error.ts';
import { type Image, openImage } from '../image.ts';
import { writeLayer } from '../layer.ts';
import { parsePlatform } from '../platform.ts';
import { parseReference } from '../reference.ts';
import type { Store } from '../store.ts';
import { mountTree } from '../working-tree/working-tree.ts';

/**
 * A container's files as they are now, as an image of one layer with the configuration of the image that they were unpacked from. The layer
 * stands for the manifest that it has not, and belongs to nothing: the store's next collection removes it. Throws `no-tree`, `image-changed`,
 * `no-image` (exit 2).
 */
export async function imageOfTree(store: Store, name: string, options: ContentOptions = {}): Promise<Image> {
  const tree = await mountTree(store, name, options);
  const reference = { ...parseReference(tree.image), digest: tree.digest };
  const image = await openImage(store, reference, { platform: parsePlatform(tree.platform), signal: options.signal }).catch(
    (error: unknown) => {
      if (!(error instanceof SealosError)) throw error;
      throw badInput(
        'no-image',
        `the image of ${tree.name} is not in the store any more: ${error.message}`,
        `pull it again: sealos pull ${tree.image}`,
      );
    },
  );
  const { descriptor, diffId } = await writeLayer(store, changeEntries(tree.root, options.signal), {
    compression: 'none',
    signal: options.signal,
  });
  return {
    ...image,
    reference: parseReference(`localhost/${tree.name}`),
    descriptor,
    layers: [descriptor],
    config: { ...image.config, rootfs: { type: 'layers', diff_ids: [diffId] } },
  };
}
