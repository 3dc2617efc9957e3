import { Command, Option } from 'commander';
import { interrupted } from '../interrupt.ts';
import { showTransfers } from '../output.ts';

interface SaveFlags {
  readonly output?: string;
  readonly format: 'oci-archive' | 'docker-archive';
  readonly platform?: string;
  readonly quiet?: boolean;
}

export function saveCommand(): Command {
  return new Command('save')
    .description('Write images into one archive file')
    .argument('<image...>', 'images to save')
    .option('-o, --output <file>', 'the file to write; - or none is standard output')
    .addOption(new Option('--format <format>', 'format of the archive').choices(['oci-archive', 'docker-archive']).default('oci-archive'))
    .option('--platform <os/arch>', 'out of a manifest list, this platform only (default: all of it)')
    .addOption(new Option('-m, --multi-image-archive', 'several images in one archive (always allowed)').hideHelp())
    .option('-q, --quiet', 'print errors only')
    .action(save);
}

async function save(images: readonly string[], flags: SaveFlags): Promise<void> {
  const { badInput, openStore, parsePlatform, parseReference, saveArchive } = await import('@sealos/image/local');
  const toStdout = flags.output === undefined || flags.output === '-';
  if (toStdout && process.stdout.isTTY)
    throw badInput('no-output', 'an archive is not printed on a terminal', 'name a file with -o FILE, or use a pipe');
  const references = images.map(parseReference);
  await using store = await openStore();
  using progress = showTransfers({ quiet: flags.quiet });
  const all = flags.format === 'oci-archive' ? ('all' as const) : undefined;
  await saveArchive(store, references, toStdout ? process.stdout : (flags.output ?? ''), {
    format: flags.format,
    platform: flags.platform === undefined ? all : parsePlatform(flags.platform),
    onEvent: progress.onEvent,
    signal: interrupted,
  });
}
