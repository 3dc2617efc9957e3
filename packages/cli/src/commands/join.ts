import { Command, Option } from 'commander';
import { addOlderHosts, carryOut, hostWords, type OlderHosts, sshWords, tellModern } from '../older-command.ts';
import { addSshOptions, type SshFlags } from '../ssh-options.ts';

interface JoinFlags extends OlderHosts, SshFlags {
  readonly cluster: string;
  readonly dryRun?: boolean;
}

export function joinCommand(): Command {
  const command = new Command('join')
    .description('Add control planes and workers to a cluster, as sealos 1 to 3 did: today add')
    .option('--dry-run', 'show what would be done, and change nothing');
  // What the cluster was made of is known.
  for (const flags of ['--pkg-url <file>', '--version <version>', '--vip <ip>', '--vlog <level>'])
    command.addOption(new Option(flags).hideHelp());
  return addSshOptions(addOlderHosts(command)).action(join);
}

async function join(flags: JoinFlags): Promise<void> {
  const words = [
    ...hostWords(flags),
    ...(flags.cluster === 'default' ? [] : ['--cluster', flags.cluster]),
    ...(flags.dryRun ? ['--dry-run'] : []),
    ...sshWords(flags),
  ];
  tellModern(['add', ...words]);
  const { addCommand } = await import('./add.ts');
  await carryOut(addCommand(), words);
}
