import { Command, Option } from 'commander';
import { interrupted } from '../interrupt.ts';
import { showTransfers } from '../output.ts';

interface SaveFlags {
  readonly output?: string;
  readonly format: 'oci-archive' | 'docker-archive' | 'oci-dir' | 'docker-dir';
  readonly transport?: 'oci-archive' | 'docker-archive';
  readonly compress?: boolean;
  readonly uncompressed?: boolean;
  readonly platform?: string;
  readonly quiet?: boolean;
}

export function saveCommand(): Command {
  return new Command('save')
    .description('Write images into one archive file, or into a directory')
    .argument('<image...>', 'images to save')
    .option('-o, --output <file>', 'the file or new directory to write; - or none is standard output')
    .addOption(
      new Option('--format <format>', 'what is written')
        .choices(['oci-archive', 'docker-archive', 'oci-dir', 'docker-dir'])
        .default('oci-archive'),
    )
    .option('--compress', 'docker-dir: gzip for layers that are otherwise saved uncompressed')
    .option('--uncompressed', 'oci-archive and oci-dir: layers that are not compressed, for other digests')
    .option('--platform <os/arch>', 'out of a manifest list, this platform only (default: all of it)')
    .addOption(new Option('-t, --transport <format>', 'as --format').choices(['oci-archive', 'docker-archive']).hideHelp())
    .addOption(new Option('-m, --multi-image-archive', 'several images in one archive (always allowed)').hideHelp())
    .option('-q, --quiet', 'print errors only')
    .action(save);
}

async function save(images: readonly string[], flags: SaveFlags): Promise<void> {
  const { badInput, openStore, parsePlatform, parseReference } = await import('@sealos/image/local');
  const { saveArchive, saveDirectory } = await import('@sealos/image/archives');
  const { compress, uncompressed, output = '-' } = flags;
  const format = flags.transport ?? flags.format;
  const isOci = format === 'oci-archive' || format === 'oci-dir';
  if (compress && format !== 'docker-dir') throw badInput('bad-flag', `--compress is for docker-dir, not for ${format}`);
  if (uncompressed && !isOci) throw badInput('bad-flag', `--uncompressed is for oci-archive and oci-dir, not for ${format}`);
  if (output === '-' && format.endsWith('-dir'))
    throw badInput('no-output', `${format} is a directory, which needs a name`, 'name it with -o DIRECTORY');
  if (output === '-' && process.stdout.isTTY)
    throw badInput('no-output', 'an archive is not printed on a terminal', 'name a file with -o FILE, or use a pipe');
  const references = images.map(parseReference);
  const platform = flags.platform === undefined ? (isOci ? ('all' as const) : undefined) : parsePlatform(flags.platform);
  await using store = await openStore();
  using progress = showTransfers({ quiet: flags.quiet });
  const options = { platform, uncompressed, onEvent: progress.onEvent, signal: interrupted };
  if (format === 'oci-dir' || format === 'docker-dir') await saveDirectory(store, references, output, { ...options, format, compress });
  else await saveArchive(store, references, output === '-' ? process.stdout : output, { ...options, format });
}
