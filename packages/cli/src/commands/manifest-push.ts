import { Command, Option } from 'commander';
import { interrupted } from '../interrupt.ts';
import { showTransfers } from '../output.ts';
import { addCredentialsOption, addRegistryOptions, type RegistryFlags, readRegistryFlags } from '../registry-options.ts';

interface PushFlags extends RegistryFlags {
  readonly format?: 'oci' | 'v2s2';
  readonly digestfile?: string;
  readonly rm?: boolean;
  readonly quiet?: boolean;
}

export function pushCommand(): Command {
  const command = new Command('push')
    .description('Send a list with all that it lists to a registry')
    .argument('<list>', 'a list of this machine')
    .argument('[dest]', 'its name at the registry (default: the same)')
    .addOption(new Option('--all', 'also the images that it lists (always done)').hideHelp())
    .addOption(new Option('-f, --format <format>', "of the list and its images: v2s2 is Docker's").choices(['oci', 'v2s2']))
    .option('--rm', 'remove the list from this machine when it is there')
    .option('--digestfile <file>', 'write the digest of what was pushed into a file')
    .option('-q, --quiet', "print only the list's digest")
    .addOption(new Option('--remove-signatures', 'there are none to remove').hideHelp());
  return addRegistryOptions(addCredentialsOption(command)).action(push);
}

async function push(name: string, destination: string | undefined, flags: PushFlags): Promise<void> {
  const { badInput, familiarName, openRegistry, openStore, parseReference, pushList } = await import('@sealos/image');
  const { writeFile } = await import('node:fs/promises');
  const reference = parseReference(name);
  const transport = /^(docker-archive|oci-archive|oci|dir|docker-daemon|containers-storage):/.exec(destination ?? '')?.[1];
  if (transport !== undefined)
    throw badInput('bad-reference', `push sends to registries, not to '${transport}:'`, "'sealos save' writes archives");
  const to = destination === undefined ? reference : parseReference(destination.replace(/^docker:\/\//, ''));
  using progress = showTransfers({ quiet: flags.quiet });
  await using registry = openRegistry(await readRegistryFlags(flags, interrupted, progress.onEvent));
  await using store = await openStore();
  const options = { to, registry, format: flags.format, onEvent: progress.onEvent, signal: interrupted };
  const { digest } = await pushList(store, reference, options);
  progress[Symbol.dispose]();
  if (flags.digestfile !== undefined) await writeFile(flags.digestfile, digest);
  if (flags.rm) {
    await store.remove(reference, { signal: interrupted });
    await store.collectGarbage({ signal: interrupted });
  }
  console.log(flags.quiet ? digest : `${familiarName(to)} is ${digest}`);
}
