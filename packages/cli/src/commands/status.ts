import { Command, Option } from 'commander';
import { interrupted } from '../interrupt.ts';
import { addSshOptions, readSshFlags, type SshFlags } from '../ssh-options.ts';

interface StatusFlags extends SshFlags {
  readonly cluster: string;
  readonly output?: 'json' | 'yaml';
}

export function statusCommand(): Command {
  const command = new Command('status')
    .description('Show how a cluster is: hosts, services, certificates, registry, nodes, etcd. Exit status 0: well, 1: there are problems')
    .option('-c, --cluster <name>', 'name of the cluster', 'default')
    .addOption(new Option('-o, --output <format>', 'output format').choices(['json', 'yaml']));
  return addSshOptions(command).action(status);
}

async function status(flags: StatusFlags): Promise<void> {
  const { clusterStatus, formatStatusYaml, ownAddress } = await import('@sealos/runtime');
  const { statusText } = await import('../status-text.ts');
  const choice = await readSshFlags(flags, interrupted);
  const report = await clusterStatus({
    cluster: flags.cluster,
    ssh: choice.ssh,
    connection: { ...choice.connection, localIp: ownAddress },
    signal: interrupted,
  });
  if (flags.output === 'json') console.log(JSON.stringify(report, undefined, 2));
  else if (flags.output === 'yaml') process.stdout.write(formatStatusYaml(report));
  else console.log(statusText(report));
  if (report.problems.length > 0) process.exitCode = 1;
}
