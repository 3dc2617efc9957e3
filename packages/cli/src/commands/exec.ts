import { Command } from 'commander';
import { addHostChoice, type HostChoiceFlags, hostChoice, reportOutcomes } from '../host-choice.ts';
import { interrupted } from '../interrupt.ts';
import { addSshOptions } from '../ssh-options.ts';

export function execCommand(): Command {
  const command = new Command('exec')
    .description(
      "Run command lines on a cluster's hosts, all at once; every line of output is shown with its host and a tab. Standard input is not passed on. Exit status 1: a host failed",
    )
    .argument('<command...>', 'shell lines, run one after the other; the first that fails ends the work on its host');
  return addSshOptions(addHostChoice(command)).action(exec);
}

async function exec(commands: readonly string[], flags: HostChoiceFlags): Promise<void> {
  const { execOnHosts } = await import('@sealos/runtime');
  const outcomes = await execOnHosts(await hostChoice(flags, interrupted), commands, (host, line) =>
    process.stdout.write(`${host}\t${line}\n`),
  );
  reportOutcomes(outcomes);
}
