import { Command, Option } from 'commander';
import { addOlderHosts, carryOut, hostWords, type OlderHosts, sshWords, tellModern } from '../older-command.ts';
import { addSshOptions, type SshFlags } from '../ssh-options.ts';

interface CleanFlags extends OlderHosts, SshFlags {
  readonly cluster: string;
  readonly all?: boolean;
  readonly force?: boolean;
}

export function cleanCommand(): Command {
  const command = new Command('clean')
    .description('Take hosts out of a cluster, or remove it, as sealos 1 to 3 did: today delete and reset')
    .option('--all', 'remove the whole cluster, as does naming all of its hosts')
    .option('-f, --force', 'do not ask')
    .addOption(new Option('--vlog <level>').hideHelp());
  return addSshOptions(addOlderHosts(command)).action(clean);
}

async function clean(flags: CleanFlags): Promise<void> {
  const { badInput } = await import('@sealos/image');
  const rest = [
    ...(flags.cluster === 'default' ? [] : ['--cluster', flags.cluster]),
    // Not today's --force, which goes on without hosts that do not answer.
    ...(flags.force ? ['--yes'] : []),
    ...sshWords(flags),
  ];
  const named = hostWords(flags);
  if (!flags.all && named.length === 0)
    throw badInput('no-host', 'no host is named', 'name hosts with --master and --node, or all of them with --all');
  if (flags.all && named.length > 0) throw badInput('bad-flag', '--all leaves no hosts to name', 'leave --master and --node out, or --all');
  if (flags.all || (await isWholeCluster(flags))) {
    tellModern(['reset', ...rest]);
    const { resetCommand } = await import('./reset.ts');
    return carryOut(resetCommand(), rest);
  }
  tellModern(['delete', ...named, ...rest]);
  const { deleteCommand } = await import('./delete.ts');
  return carryOut(deleteCommand(), [...named, ...rest]);
}

async function isWholeCluster({ cluster, master, node }: CleanFlags): Promise<boolean> {
  const { clusterHosts, openState, parseHostList } = await import('@sealos/runtime');
  const named = new Set([master, node].flatMap((list) => parseHostList(list.join(','), 22)).map(({ ip }) => ip));
  const stored = await (await openState(cluster)).read();
  return stored !== undefined && clusterHosts(stored.cluster).every(({ address }) => named.has(address.ip));
}
