import { Command } from 'commander';
import { interrupted } from '../interrupt.ts';
import { addCredentialsOption, addRegistryOptions, type RegistryFlags, readRegistryFlags } from '../registry-options.ts';

export function inspectCommand(): Command {
  const command = new Command('inspect')
    .description('Show a list as JSON: of this machine, else (or with docker://) of its registry')
    .argument('<list>', "the list's name");
  return addRegistryOptions(addCredentialsOption(command)).action(inspect);
}

async function inspect(name: string, flags: RegistryFlags): Promise<void> {
  const { hasName, isIndex, openRegistry, openStore, parseReference, readContent } = await import('@sealos/image');
  const isRemote = name.startsWith('docker://');
  const reference = parseReference(name.replace(/^docker:\/\//, ''));
  await using registry = openRegistry(await readRegistryFlags(flags, interrupted));
  await using store = await openStore();
  const isHere = !isRemote && (await hasName(store, reference));
  const source = isHere ? store : registry;
  const descriptor = await source.resolve(reference, { signal: interrupted });
  const bytes = await readContent(source, reference, descriptor, { signal: interrupted });
  if (!isIndex(descriptor.mediaType)) console.error(`warning: ${name} is a single image, not a list: this is its manifest`);
  console.log(JSON.stringify(JSON.parse(bytes.toString('utf8')), undefined, 4));
}

export function existsCommand(): Command {
  return new Command('exists')
    .description('Exit with status 0 where this machine has a list of the name, else with 1')
    .argument('<list>', "the list's name")
    .action(async (name: string) => {
      const { hasList, openStore, parseReference } = await import('@sealos/image');
      const reference = parseReference(name);
      await using store = await openStore();
      if (!(await hasList(store, reference))) process.exitCode = 1;
    });
}

export function rmCommand(): Command {
  return new Command('rm')
    .description('Remove lists from this machine, and the content that nothing else shares')
    .argument('<list...>', "the lists' names")
    .action(async (names: readonly string[]) => {
      const { familiarName, openStore, parseReference, readList } = await import('@sealos/image');
      const references = names.map(parseReference);
      await using store = await openStore();
      for (const reference of references) await readList(store, reference, { signal: interrupted });
      for (const reference of references) {
        await store.remove(reference, { signal: interrupted });
        console.log(`untagged ${familiarName(reference)}`);
      }
      await store.collectGarbage({ signal: interrupted });
    });
}
