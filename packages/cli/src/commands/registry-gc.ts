import { Command, InvalidArgumentError, Option } from 'commander';
import { interrupted } from '../interrupt.ts';
import { formatBytes } from '../output.ts';
import { addClusterOption, clusterOf } from '../registry-place.ts';
import { addSshOptions, type SshFlags } from '../ssh-options.ts';

interface GcFlags extends SshFlags {
  readonly cluster?: string;
  readonly dryRun?: boolean;
  readonly untagged?: boolean;
  /** Milliseconds. */
  readonly olderThan: number;
  readonly output?: 'json';
}

const UNITS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

function readAge(text: string): number {
  const [, number, unit = ''] = /^(\d{1,5})([mhd])$/.exec(text) ?? [];
  if (number === undefined) throw new InvalidArgumentError('write a time: 30m, 1h, 7d; 0m for all.');
  return Number(number) * (UNITS[unit] ?? 0);
}

export function gcCommand(): Command {
  const command = new Command('gc')
    .description('Remove the contents that no image of a registry needs any more; the registry may run meanwhile')
    .argument('[dir]', "a registry's directory on this machine")
    .option('--dry-run', 'say how much would be freed, and change nothing')
    .addOption(
      new Option('--older-than <time>', 'leave what came later: pushes may be under way').argParser(readAge).default(readAge('1h'), '1h'),
    )
    .option('--untagged', 'in a directory: remove manifests that no tag leads to as well')
    .addOption(new Option('-o, --output <format>', 'output format').choices(['json']));
  return addSshOptions(addClusterOption(command)).action(collect);
}

async function collect(directory: string | undefined, flags: GcFlags): Promise<void> {
  const { badInput, collectRegistryGarbage } = await import('@sealos/image');
  const { olderThan, dryRun = false, untagged = false } = flags;
  if ((directory === undefined) === (flags.cluster === undefined)) {
    throw badInput('no-registry', 'name a directory, or a cluster with -c');
  }
  if (untagged && directory === undefined) throw badInput('bad-flags', '--untagged is for directories');
  const garbage =
    directory === undefined
      ? await (await import('@sealos/runtime')).collectClusterGarbage({
          ...(await clusterOf(flags.cluster ?? '', flags)),
          olderThan,
          dryRun,
        })
      : await collectRegistryGarbage(directory, { olderThan, dryRun, untagged, signal: interrupted });
  if (flags.output === 'json') {
    console.log(JSON.stringify({ ...garbage, dryRun }));
    return;
  }
  const manifests = untagged ? `, ${garbage.manifests} untagged manifests` : '';
  const amount = `${garbage.blobs} contents${manifests}, ${formatBytes(garbage.bytes)}`;
  console.log(dryRun ? `would remove ${amount}` : `removed ${amount}`);
}
