import { Command, Option } from 'commander';
import { interrupted } from '../interrupt.ts';
import { formatBytes } from '../output.ts';
import { type RmiFlags, removeImages } from './rmi.ts';

interface PruneFlags extends RmiFlags {
  readonly output?: 'json';
}

export function pruneCommand(): Command {
  return new Command('prune')
    .description('Remove what no image on this machine needs: content without a name, and what builds keep to be quicker')
    .argument('[image...]', 'images to remove first, as rmi does')
    .option('-a, --all', 'remove all images, as rmi does')
    .option('-f, --force', 'an image that is not there is no error')
    .addOption(new Option('-p, --prune', 'always done').hideHelp())
    .addOption(new Option('-o, --output <format>', 'output format').choices(['json']))
    .action(pruneStore);
}

async function pruneStore(images: readonly string[], flags: PruneFlags): Promise<void> {
  if (images.length > 0 || flags.all) return removeImages(images, flags);
  const { openStore, prune } = await import('@sealos/image/local');
  await using store = await openStore();
  const pruned = await prune(store, { signal: interrupted });
  if (flags.output === 'json') console.log(JSON.stringify(pruned, undefined, 2));
  else if (pruned.busy) console.error('another sealos is writing images: nothing was removed; try again when it is done');
  else if (pruned.removed === 0 && pruned.cacheBytes === 0) console.log('nothing to remove');
  else {
    console.log(`blobs that no image needs: ${pruned.removed}, ${formatBytes(pruned.bytes)}`);
    console.log(`what made builds quicker: ${formatBytes(pruned.cacheBytes)}`);
    console.log(`freed ${formatBytes(pruned.bytes + pruned.cacheBytes)}`);
  }
}
