import { resolve } from 'node:path';
import type { Platform } from '@sealos/image';
import { Command, InvalidArgumentError } from 'commander';
import { interrupted } from '../interrupt.ts';
import { showTransfers } from '../output.ts';
import { addCredentialsOption, addRegistryOptions, type RegistryFlags, readRegistryFlags } from '../registry-options.ts';

interface RegistrySaveFlags extends RegistryFlags {
  readonly registryDir: string;
  readonly arch?: string;
  readonly maxPullProcs: number;
  readonly images: readonly string[];
  readonly tars: readonly string[];
  readonly all?: boolean;
  readonly quiet?: boolean;
}

const collect = (value: string, list: readonly string[]) => [...list, ...value.split(',').flatMap((part) => part.trim() || [])];

function parseCount(text: string): number {
  if (!/^[1-9]\d{0,2}$/.test(text)) throw new InvalidArgumentError('write a number from 1 to 999.');
  return Number(text);
}

export function registrySaveCommand(): Command {
  const command = new Command('save')
    .description('Save container images into a directory that a registry can serve: those of a context, or those that are named')
    .argument('[context]', 'directory with charts, manifests and images (default: this one, unless --images or --tars is given)')
    .option('--registry-dir <dir>', 'where they go; what is there stays', 'registry')
    .option('--arch <arch>', "the architecture to save (default: this machine's)")
    .option('-m, --max-pull-procs <count>', 'how many contents are fetched at once', parseCount, 5)
    .option(
      '--images <names>',
      'images to save, several with commas; containers-storage:NAME is one of this machine; repeatable',
      collect,
      [],
    )
    .option('--tars <archives>', 'docker-archive:FILE@NAME or oci-archive:FILE@NAME, several with commas; repeatable', collect, [])
    .option('--all', 'save the images for all of their platforms')
    .option('-q, --quiet', 'print nothing but warnings');
  return addRegistryOptions(addCredentialsOption(command)).action(save);
}

async function save(context: string | undefined, flags: RegistrySaveFlags): Promise<void> {
  const image = await import('@sealos/image/builder');
  const { openRegistry, openStore, hostPlatform, parsePlatform } = image;
  const platform: Platform | 'all' = flags.all ? 'all' : flags.arch === undefined ? hostPlatform() : parsePlatform(`linux/${flags.arch}`);
  const named = image.namedImages(flags.images, flags.tars);
  const isNamed = named.images.length + named.archives.length > 0;
  const root = context === undefined && isNamed ? undefined : await image.contextRoot(context ?? '.');
  await using store = await openStore();
  using progress = showTransfers({ quiet: flags.quiet });
  await using registry = openRegistry(await readRegistryFlags(flags, interrupted, progress.onEvent));
  const directory = resolve(flags.registryDir);
  const options = {
    source: registry,
    store,
    platform,
    directory,
    jobs: flags.maxPullProcs,
    onEvent: progress.onEvent,
    signal: interrupted,
  };
  const saved =
    root === undefined
      ? await image.saveListed({ ...options, ...named })
      : await image.saveContextImages({ ...options, context: root, more: named });
  progress[Symbol.dispose]();
  for (const warning of saved.warnings) process.stderr.write(`warning: ${warning}\n`);
  const count = saved.images;
  if (!flags.quiet)
    console.log(`${count === 1 ? 'one container image is' : `${count} container images are`} saved in ${flags.registryDir}`);
}
