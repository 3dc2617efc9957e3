import type { Pruned } from '@sealos/image';
import { Command } from 'commander';
import { interrupted } from '../interrupt.ts';
import { formatBytes } from '../output.ts';

export interface RmiFlags {
  readonly all?: boolean;
  readonly force?: boolean;
  readonly prune?: boolean;
}

export function rmiCommand(): Command {
  return new Command('rmi')
    .description('Remove images from this machine, and the content that no other image shares')
    .argument('[image...]', 'images to remove')
    .option('-a, --all', 'remove all images')
    .option('-p, --prune', 'remove only content that no image has')
    .option('-f, --force', 'an image that is not there is no error')
    .action(removeImages);
}

/** What `rmi` does, and `prune` where it is told of images. */
export async function removeImages(images: readonly string[], flags: RmiFlags): Promise<void> {
  const { badInput, familiarName, openStore, parseReference, prune, SealosError } = await import('@sealos/image/local');
  if (images.length === 0 && !flags.all && !flags.prune)
    throw badInput('no-image', 'no image is named', 'name images, or all of them with --all');
  await using store = await openStore();
  const references = flags.all ? (await store.list()).map(({ reference }) => reference) : images.map(parseReference);
  const present = [];
  for (const reference of references) {
    try {
      await store.resolve(reference);
      present.push(reference);
    } catch (error) {
      // Nothing is removed when one of them is not there, unless that is said to be fine.
      if (!(flags.force && error instanceof SealosError && error.code === 'image-not-found')) throw error;
    }
  }
  for (const reference of present) {
    await store.remove(reference, { signal: interrupted });
    console.log(`untagged ${familiarName(reference)}`);
  }
  reportPruned(await prune(store, { signal: interrupted }));
}

/** Says what a removal freed. */
export function reportPruned({ busy, removed, bytes, cacheBytes }: Pruned): void {
  if (busy) console.error('another sealos is writing images: their content is removed the next time');
  if (removed > 0) console.log(`removed ${removed} blobs, ${formatBytes(bytes)}`);
  if (cacheBytes > 0) console.log(`removed what made builds quicker, ${formatBytes(cacheBytes)}`);
}
