import { randomBytes } from 'node:crypto';
import { Command } from 'commander';
import { pairs } from '../build-flags.ts';
import { interrupted } from '../interrupt.ts';
import { showTransfers } from '../output.ts';
import { addCredentialsOption, addRegistryOptions, type RegistryFlags, readRegistryFlags } from '../registry-options.ts';

interface CreateFlags extends RegistryFlags {
  readonly cluster: string;
  readonly platform?: string;
  readonly short?: boolean;
  readonly env: readonly string[];
}

const collect = (value: string, list: readonly string[]) => [...list, value];

export function createCommand(): Command {
  const command = new Command('create')
    .description("Unpack an image into a directory, without running anything; 'sealos rm' removes it")
    .argument('<image>', 'the image; what is not on this machine is pulled')
    .option('-c, --cluster <name>', "the name's beginning, as of a cluster", 'default')
    .option('--platform <os/arch>', 'out of a manifest list, this platform (default: that of this machine)')
    .option('-e, --env <K=V>', "render the image's templates, with this over its own environment; repeatable", collect, [])
    .option('--short', 'print only the directory');
  return addRegistryOptions(addCredentialsOption(command)).action(create);
}

async function create(name: string, flags: CreateFlags): Promise<void> {
  const { badInput, makeTree, openImage, openRegistry, openStore, parsePlatform, parseReference, pullImage } = await import(
    '@sealos/image'
  );
  const reference = parseReference(name);
  const platform = flags.platform === undefined ? undefined : parsePlatform(flags.platform);
  const env = pairs(
    flags.env,
    (key) => process.env[key] ?? '',
    (text) => badInput('bad-flag', `--env '${text}' has no name before the =`),
  );
  using progress = showTransfers({ quiet: flags.short });
  await using registry = openRegistry(await readRegistryFlags(flags, interrupted, progress.onEvent));
  await using store = await openStore();
  await pullImage(store, reference, { platform, registry, onEvent: progress.onEvent, signal: interrupted });
  const image = await openImage(store, reference, { platform, signal: interrupted });
  const rendered = flags.env.length === 0 ? [] : await render(store, image, env);
  const tree = await makeTree(store, image, {
    name: `${flags.cluster}-${randomBytes(4).toString('hex')}`,
    files: rendered,
    signal: interrupted,
  });
  progress[Symbol.dispose]();
  warnOfSkipped(tree.skipped);
  if (flags.short) console.log(tree.root);
  else console.log(`mount point: ${tree.root}\nlook around in it: cd ${tree.root}\nremove it: sealos rm ${tree.name}`);
}

type Render = typeof import('@sealos/runtime')['renderImage'];

async function render(store: Parameters<Render>[0], image: Parameters<Render>[1], env: Readonly<Record<string, string>>) {
  const { renderImage } = await import('@sealos/runtime');
  return renderImage(store, image, new Map(Object.entries(env)), { signal: interrupted });
}

/** Says what of an image could not be unpacked. */
export function warnOfSkipped(skipped: readonly string[]): void {
  if (skipped.length > 0) process.stderr.write(`warning: device nodes and pipes were left out: ${skipped.slice(0, 3).join(', ')}\n`);
}
