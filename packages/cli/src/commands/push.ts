import { Command, Option } from 'commander';
import { interrupted } from '../interrupt.ts';
import { showTransfers } from '../output.ts';
import { addCredentialsOption, addRegistryOptions, type RegistryFlags, readRegistryFlags } from '../registry-options.ts';

interface PushFlags extends RegistryFlags {
  readonly digestfile?: string;
  readonly platform?: string;
  readonly format?: 'oci' | 'v2s2';
  readonly rm?: boolean;
  readonly quiet?: boolean;
}

export function pushCommand(): Command {
  const command = new Command('push')
    .description('Send an image to a registry; repeat it to go on after an interruption')
    .argument('<image>', 'an image of this machine')
    .argument('[dest]', 'its name at the registry (default: the same)')
    .option('--all', 'a manifest list as it is, with the images of every platform (this is the default)')
    .addOption(new Option('--platform <os/arch>', 'out of a manifest list, the image of this platform alone').conflicts('all'))
    .addOption(new Option('-f, --format <format>', "of the image: v2s2 is Docker's").choices(['oci', 'v2s2']))
    .option('--rm', 'remove the image from this machine when it is there')
    .option('--digestfile <file>', "write the digest of what was pushed into a file, for later 'image@digest'")
    .option('-q, --quiet', "print only the image's digest");
  return addRegistryOptions(addCredentialsOption(command)).action(push);
}

async function push(image: string, destination: string | undefined, flags: PushFlags): Promise<void> {
  const { badInput, familiarName, openStore, parsePlatform, parseReference, pushImage } = await import('@sealos/image/remote');
  const { writeFile } = await import('node:fs/promises');
  const reference = parseReference(image);
  const transport = /^(docker-archive|oci-archive|oci|dir|docker-daemon|containers-storage):/.exec(destination ?? '')?.[1];
  if (transport !== undefined)
    throw badInput('bad-reference', `push sends to registries, not to '${transport}:'`, "'sealos save' writes archives");
  const to = destination === undefined ? reference : parseReference(destination.replace(/^docker:\/\//, ''));
  const platform = flags.platform === undefined ? 'all' : parsePlatform(flags.platform);
  using progress = showTransfers({ quiet: flags.quiet });
  const registry = await readRegistryFlags(flags, interrupted, progress.onEvent);
  await using store = await openStore();
  const { digest } = await pushImage(store, reference, {
    to,
    platform,
    format: flags.format,
    registry,
    onEvent: progress.onEvent,
    signal: interrupted,
  });
  progress[Symbol.dispose]();
  if (flags.digestfile !== undefined) await writeFile(flags.digestfile, digest);
  if (flags.rm) {
    await store.remove(reference, { signal: interrupted });
    await store.collectGarbage({ signal: interrupted });
  }
  console.log(flags.quiet ? digest : `${familiarName(to)} is ${digest}`);
}
