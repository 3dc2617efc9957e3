import type { HostOutcome, OnHostsOptions } from '@sealos/runtime';
import { type Command, Option } from 'commander';
import { stepTimeout } from './settings.ts';
import { readSshFlags, type SshFlags } from './ssh-options.ts';

/** The flags that choose hosts of a cluster (sealos-interop.md §1.4). */
export interface HostChoiceFlags extends SshFlags {
  readonly cluster: string;
  readonly clusterName?: string;
  readonly roles: readonly string[];
  readonly ips: readonly string[];
}

const list = (value: string, before: readonly string[]) => [...before, ...value.split(',').filter((item) => item !== '')];

export function addHostChoice(command: Command): Command {
  return command
    .option('-c, --cluster <name>', 'name of the cluster', 'default')
    .addOption(new Option('--cluster-name <name>', 'as --cluster').hideHelp())
    .option('-r, --roles <list>', 'only hosts with one of these roles, e.g. master,node', list, [])
    .option('--ips <list>', 'only these hosts', list, []);
}

export async function hostChoice(flags: HostChoiceFlags, signal: AbortSignal): Promise<OnHostsOptions> {
  const { ownAddress } = await import('@sealos/runtime');
  const choice = await readSshFlags(flags, signal);
  return {
    cluster: flags.clusterName ?? flags.cluster,
    roles: flags.roles,
    ips: flags.ips,
    ssh: choice.ssh,
    connection: { ...choice.connection, localIp: ownAddress },
    timeout: stepTimeout(process.env),
    signal,
  };
}

/** Says on stderr which hosts failed and how; the exit status is 1 then (sealos-interop.md §1.4). */
export function reportOutcomes(outcomes: readonly HostOutcome[]): void {
  for (const { host, exitCode, failure } of outcomes) {
    if (exitCode === 0) continue;
    const why = failure?.replace(`${host}: `, '') ?? `exit status ${exitCode}`;
    process.stderr.write(`sealos: ${host}: ${why}\n`);
    process.exitCode = 1;
  }
}
