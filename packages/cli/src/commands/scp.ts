import { Command } from 'commander';
import { addHostChoice, type HostChoiceFlags, hostChoice, reportOutcomes } from '../host-choice.ts';
import { interrupted } from '../interrupt.ts';
import { addSshOptions } from '../ssh-options.ts';

export function scpCommand(): Command {
  const command = new Command('scp')
    .description("Copy a file, or what is in a directory, to a cluster's hosts")
    .argument('<source>', 'a file or directory on this machine')
    .argument('<destination>', 'an absolute path on the hosts');
  return addSshOptions(addHostChoice(command)).action(async (source: string, destination: string, flags: HostChoiceFlags) => {
    const { copyToHosts } = await import('@sealos/runtime');
    const outcomes = await copyToHosts(await hostChoice(flags, interrupted), source, destination);
    for (const { host, exitCode } of outcomes) if (exitCode === 0) console.log(`${host}\t${source} -> ${destination}`);
    reportOutcomes(outcomes);
  });
}
