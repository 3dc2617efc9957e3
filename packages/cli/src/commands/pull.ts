import { Command, Option } from 'commander';
import { interrupted } from '../interrupt.ts';
import { showTransfers } from '../output.ts';
import { addCredentialsOption, addRegistryOptions, type RegistryFlags, readRegistryFlags } from '../registry-options.ts';
import { addTrustOptions, readTrustFlags, type TrustFlags } from '../trust-options.ts';

interface PullFlags extends RegistryFlags, TrustFlags {
  readonly platform?: string;
  readonly all?: boolean;
  readonly policy: 'missing' | 'always' | 'never' | 'ifnewer';
  readonly allTags?: boolean;
  readonly referrers?: boolean;
  readonly quiet?: boolean;
}

export function pullCommand(): Command {
  const command = new Command('pull')
    .description('Fetch images from their registries; repeat it to go on after an interruption')
    .argument('<image...>', 'names of images')
    .addOption(new Option('--platform <os/arch>', 'out of a manifest list, this platform (default: that of this machine)').conflicts('all'))
    .option('--all', 'a manifest list as it is, with the images of every platform')
    .addOption(
      new Option('--policy <policy>', 'when the registry is asked').choices(['missing', 'always', 'never', 'ifnewer']).default('missing'),
    )
    .option('-a, --all-tags', 'all tags of the repository')
    .option('--referrers', 'take along what is attached to the images: SBOM, provenance (signatures always come along)')
    .option('-q, --quiet', "print only the images' digests");
  return addRegistryOptions(addCredentialsOption(addTrustOptions(command))).action(pull);
}

async function pull(images: readonly string[], flags: PullFlags): Promise<void> {
  const { familiarName, openRegistry, openStore, parsePlatform, parseReference, pullImage } = await import('@sealos/image/remote');
  const references = images.map(parseReference);
  const one = flags.platform === undefined ? undefined : parsePlatform(flags.platform);
  const platform = flags.all ? ('all' as const) : one;
  const trust = await readTrustFlags(flags);
  using progress = showTransfers({ quiet: flags.quiet });
  await using registry = openRegistry(await readRegistryFlags(flags, interrupted, progress.onEvent));
  await using store = await openStore();
  const names = [];
  for (const reference of references) {
    if (!flags.allTags) names.push(reference);
    else {
      const { registry: host, repository } = reference;
      for (const tag of await registry.listTags(reference, { signal: interrupted })) names.push({ registry: host, repository, tag });
    }
  }
  const lines: string[] = [];
  for (const name of names) {
    const options = {
      platform,
      policy: flags.policy,
      trust,
      referrers: flags.referrers,
      registry,
      onEvent: progress.onEvent,
      signal: interrupted,
    };
    const { digest } = await pullImage(store, name, options);
    lines.push(flags.quiet ? digest : `${familiarName(name)} is ${digest}`);
  }
  progress[Symbol.dispose]();
  for (const line of lines) console.log(line);
}
