import { Command, Option } from 'commander';
import { interrupted } from '../interrupt.ts';
import { version } from '../product.ts';
import { showRun } from '../progress/show-run.ts';
import { ask } from '../prompt.ts';
import { stepTimeout } from '../settings.ts';
import { addSshOptions, readSshFlags, type SshFlags } from '../ssh-options.ts';

interface ResetFlags extends SshFlags {
  readonly cluster: string;
  readonly yes?: boolean;
  readonly force?: boolean;
  readonly logFormat: 'auto' | 'plain' | 'json';
  readonly quiet?: boolean;
}

export function resetCommand(): Command {
  const command = new Command('reset')
    .description('Take a cluster off all of its hosts; its data is lost')
    .option('--cluster <name>', 'name of the cluster', 'default')
    .option('-y, --yes', 'do not ask')
    .option('--force', 'do not ask, and go on without hosts that do not answer')
    .option('-q, --quiet', 'print errors only')
    .addOption(new Option('--log-format <format>', 'how progress is printed').choices(['auto', 'plain', 'json']).default('auto'));
  return addSshOptions(command).action(reset);
}

async function reset(flags: ResetFlags): Promise<void> {
  const { badInput } = await import('@sealos/image');
  const { clusterHosts, ownAddress, resetCluster } = await import('@sealos/runtime');
  const choice = await readSshFlags(flags, interrupted);
  using progress = showRun({ format: flags.logFormat, quiet: flags.quiet });
  const { hosts } = await resetCluster({
    cluster: flags.cluster,
    ssh: choice.ssh,
    connection: { ...choice.connection, localIp: ownAddress },
    sealosVersion: version,
    force: flags.force ?? false,
    async confirm(cluster) {
      if (flags.yes || flags.force) return;
      const names = clusterHosts(cluster).map(({ address }) => address.ip);
      if (!process.stdin.isTTY)
        throw badInput('not-confirmed', `reset would remove cluster '${cluster.name}' from ${names.join(', ')}`, 'say so with --yes');
      const answer = await ask(
        `This removes cluster '${cluster.name}' and all of its data from ${names.join(', ')}.\nType the cluster's name to go on: `,
        {
          signal: interrupted,
        },
      );
      if (answer.trim() !== cluster.name)
        throw badInput('not-confirmed', 'nothing was removed: the answer was not the name of the cluster');
    },
    timeout: stepTimeout(process.env),
    onEvent: progress.onEvent,
    signal: interrupted,
  });
  progress[Symbol.dispose]();
  if (!flags.quiet && flags.logFormat !== 'json')
    console.log(`cluster '${flags.cluster}' was removed from ${hosts} host${hosts === 1 ? '' : 's'}`);
}
