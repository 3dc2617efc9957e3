import { Command, Option } from 'commander';
import { interrupted } from '../interrupt.ts';
import { showTransfers } from '../output.ts';
import { addTrustOptions, readTrustFlags, type TrustFlags } from '../trust-options.ts';

interface LoadFlags extends TrustFlags {
  readonly input?: string;
  readonly name?: string;
  readonly quiet?: boolean;
}

export function loadCommand(): Command {
  const command = new Command('load')
    .description('Read images from an archive (oci-archive or docker-archive, also gzip or zstd) or a directory (oci or dir)')
    .option('-i, --input <file|url>', 'the file, directory or http(s) URL to read; - or none is standard input')
    .option('--name <name>', "name for the archive's only image")
    .addOption(new Option('-t, --transport <format>', 'format of the archive (found out by itself)').hideHelp())
    .option('-q, --quiet', 'print only the names of the images');
  return addTrustOptions(command).action(load);
}

async function load(flags: LoadFlags): Promise<void> {
  const { badInput, familiarName, openStore, parseReference } = await import('@sealos/image/local');
  const { loadArchive } = await import('@sealos/image/archives');
  const path = flags.input ?? '-';
  if (path === '-' && process.stdin.isTTY)
    throw badInput('no-input', 'there is no archive to read', 'name a file with -i FILE, or use a pipe');
  const name = flags.name === undefined ? undefined : parseReference(flags.name);
  const trust = await readTrustFlags(flags);
  await using store = await openStore();
  using progress = showTransfers({ quiet: flags.quiet });
  const images = await loadArchive(store, path, { name, trust, onEvent: progress.onEvent, signal: interrupted });
  progress[Symbol.dispose]();
  for (const { reference } of images) console.log(flags.quiet ? familiarName(reference) : `loaded ${familiarName(reference)}`);
}
