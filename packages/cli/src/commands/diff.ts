import type { FileChange, Image, OnTransfer, Platform, Registry, Store } from '@sealos/image';
import { Command, Option } from 'commander';
import { interrupted } from '../interrupt.ts';
import { formatBytes, formatTable, showTransfers } from '../output.ts';
import { addCredentialsOption, addRegistryOptions, type RegistryFlags, readRegistryFlags } from '../registry-options.ts';

interface DiffFlags extends RegistryFlags {
  readonly output: 'table' | 'json';
  readonly platform?: string;
  readonly patch?: boolean;
  readonly tag?: string;
  readonly quiet?: boolean;
  readonly diffType: 'image' | 'container' | 'all';
}

export function diffCommand(): Command {
  const command = new Command('diff')
    .description('Show the files that the second image has otherwise than the first, or make a patch image of them')
    .argument('<first>', 'an image, or a container')
    .argument('<second>', 'another; images that are not on this machine are pulled')
    .addOption(new Option('-o, --output <format>', 'output format').choices(['table', 'json']).default('table'))
    .option('--patch', 'make a patch image of what was added and changed outside registry/')
    .option('-t, --tag <name>', "the patch image's name")
    .option('--platform <os/arch>', 'out of manifest lists, this platform (default: that of this machine)')
    .option('-q, --quiet', 'print only the paths, or the digest of the patch')
    .addOption(
      new Option('--diff-type <type>', 'what the names mean; all: containers, and images where there is no such container')
        .choices(['image', 'container', 'all'])
        .default('image'),
    );
  return addRegistryOptions(addCredentialsOption(command)).action(diff);
}

async function diff(first: string, second: string, flags: DiffFlags): Promise<void> {
  const { badInput, diffImages, familiarName, openRegistry, openStore, parsePlatform, parseReference, patchImage } = await import(
    '@sealos/image'
  );
  // What can be no name at all is found before anything is fetched.
  if (flags.diffType === 'image') for (const text of [first, second]) parseReference(text);
  const platform = flags.platform === undefined ? undefined : parsePlatform(flags.platform);
  if (flags.patch && flags.tag === undefined)
    throw badInput('bad-flag', '--patch makes an image, which needs a name', 'give it one with -t NAME');
  if (!flags.patch && flags.tag !== undefined)
    throw badInput('bad-flag', '--tag names the image that --patch makes', 'add --patch, or leave it away');
  const name = flags.tag === undefined ? undefined : parseReference(flags.tag);
  await using store = await openStore();
  using progress = showTransfers({ quiet: flags.quiet });
  await using registry = openRegistry(await readRegistryFlags(flags, interrupted, progress.onEvent));
  const onEvent: typeof progress.onEvent = (event) => {
    if (event.kind !== 'skip') progress.onEvent(event);
  };
  const how: Opening = { store, registry, platform, onEvent, type: flags.diffType };
  const [from, to] = [await open(first, how), await open(second, how)];
  const changes = await diffImages(store, from, to, { signal: interrupted });
  if (name === undefined) {
    progress[Symbol.dispose]();
    console.log(flags.output === 'json' ? asJson(from, to, changes, familiarName) : asTable(changes, flags.quiet === true));
    return;
  }
  const patch = await patchImage(store, from, to, changes, { name, environment: process.env, signal: interrupted });
  progress[Symbol.dispose]();
  const [example] = patch.deleted;
  if (example !== undefined) {
    const count = patch.deleted.length === 1 ? example : `${patch.deleted.length} paths, such as ${example}`;
    process.stderr.write(`warning: a patch takes nothing away: ${count} of the first image stays where it is\n`);
  }
  console.log(flags.quiet ? patch.descriptor.digest : `${familiarName(name)} is ${patch.descriptor.digest}, ${patch.files} paths`);
}

interface Opening {
  readonly store: Store;
  readonly registry: Registry;
  readonly platform: Platform | undefined;
  readonly onEvent: OnTransfer;
  readonly type: DiffFlags['diffType'];
}

async function open(name: string, { store, registry, platform, onEvent, type }: Opening): Promise<Image> {
  const { imageOfTree, listTrees, openImage, parseReference, pullImage } = await import('@sealos/image');
  const isContainer =
    type === 'container' || (type === 'all' && (await listTrees(store)).some((tree) => tree.name === name || tree.id === name));
  if (isContainer) return imageOfTree(store, name, { signal: interrupted });
  const reference = parseReference(name);
  await pullImage(store, reference, { platform, registry, onEvent, signal: interrupted });
  return openImage(store, reference, { platform, signal: interrupted });
}

type Named = Awaited<ReturnType<typeof import('@sealos/image')['openImage']>>;

function asJson(from: Named, to: Named, changes: readonly FileChange[], nameOf: (reference: Named['reference']) => string): string {
  const about = ({ reference, descriptor }: Named) => ({ name: nameOf(reference), digest: descriptor.digest });
  const of = (kind: FileChange['change']) => changes.filter(({ change }) => change === kind).map(({ change: _, ...more }) => more);
  return JSON.stringify(
    { from: about(from), to: about(to), added: of('added'), changed: of('changed'), deleted: of('deleted') },
    undefined,
    2,
  );
}

function asTable(changes: readonly FileChange[], pathsOnly: boolean): string {
  if (pathsOnly) return changes.map(({ path }) => `/${path}`).join('\n');
  const sizes = ({ change, type, size, oldSize }: FileChange): string => {
    if (type !== 'file') return type;
    return change === 'changed' && oldSize !== size ? `${formatBytes(oldSize ?? 0)} -> ${formatBytes(size)}` : formatBytes(size);
  };
  return formatTable(
    ['CHANGE', 'SIZE', 'PATH'],
    changes.map((change) => [
      change.change,
      sizes(change),
      `/${change.path}${change.differs === undefined || change.differs.includes('content') ? '' : ` (${change.differs.join(', ')})`}`,
    ]),
  );
}
