import { Command, Option } from 'commander';
import { interrupted } from '../interrupt.ts';
import { showTransfers } from '../output.ts';
import { addCredentialsOption, addRegistryOptions, type RegistryFlags, readRegistryFlags } from '../registry-options.ts';
import { warnOfSkipped } from './create.ts';

interface FromFlags extends RegistryFlags {
  readonly name?: string;
  readonly platform?: string;
  readonly pull?: string;
  readonly pullAlways?: boolean;
  readonly pullNever?: boolean;
  readonly quiet?: boolean;
}

export function fromCommand(): Command {
  const command = new Command('from')
    .description('Unpack an image under a name, as buildah does, and print the name')
    .argument('<image>', 'the image; what is not on this machine is pulled')
    .option('--name <name>', "the container's name (default: the image's last word and -working-container)")
    .option('--platform <os/arch>', 'out of a manifest list, this platform (default: that of this machine)')
    .addOption(
      new Option('--pull [policy]', 'always, missing (the default) or never')
        .choices(['always', 'true', 'ifnewer', 'missing', 'false', 'never'])
        .preset('always'),
    )
    .addOption(new Option('--pull-always', 'as --pull=always').hideHelp())
    .addOption(new Option('--pull-never', 'as --pull=never').hideHelp())
    .option('-q, --quiet', 'show no transfers');
  return addRegistryOptions(addCredentialsOption(command)).action(from);
}

async function from(name: string, flags: FromFlags): Promise<void> {
  const { badInput, makeTree, openImage, openRegistry, openStore, parsePlatform, parseReference, pullImage } = await import(
    '@sealos/image'
  );
  const reference = parseReference(name.replace(/^(docker:\/\/|containers-storage:)/, ''));
  const platform = flags.platform === undefined ? undefined : parsePlatform(flags.platform);
  const policies = { always: 'always', true: 'always', ifnewer: 'ifnewer', missing: 'missing', false: 'missing', never: 'never' } as const;
  const wanted = flags.pullNever ? 'never' : flags.pullAlways ? 'always' : (flags.pull ?? 'missing');
  const policy = Object.entries(policies).find(([key]) => key === wanted)?.[1];
  if (policy === undefined) throw badInput('bad-flag', `--pull=${wanted} is no policy`, 'write always, missing or never');
  using progress = showTransfers({ quiet: flags.quiet });
  await using registry = openRegistry(await readRegistryFlags(flags, interrupted, progress.onEvent));
  await using store = await openStore();
  await pullImage(store, reference, { platform, policy, registry, onEvent: progress.onEvent, signal: interrupted });
  const tree = await makeTree(store, await openImage(store, reference, { platform, signal: interrupted }), {
    name: flags.name,
    signal: interrupted,
  });
  progress[Symbol.dispose]();
  warnOfSkipped(tree.skipped);
  console.log(tree.name);
}
