import { Command } from 'commander';
import { interrupted } from '../interrupt.ts';
import { addSshOptions, readSshFlags, type SshFlags } from '../ssh-options.ts';

interface AdoptFlags extends SshFlags {
  readonly masters?: string;
  readonly cluster?: string;
  readonly from?: string;
  readonly dryRun?: boolean;
}

export function adoptCommand(): Command {
  const command = new Command('adopt')
    .description(
      'Rebuild the state of a cluster on this machine from the cluster itself, where the operator was lost, or sealos 4 or 5 made it',
    )
    .option('--masters <list>', 'control planes to ask; the first that answers tells (default: this machine)')
    .option('--cluster <name>', 'refuse a cluster of another name')
    .option('--from <dir>', 'state of sealos 4 or 5: ~/.sealos/CLUSTER of the machine that made the cluster')
    .option('--dry-run', 'show what was found, and take nothing over');
  return addSshOptions(command).action(adopt);
}

async function adopt(flags: AdoptFlags): Promise<void> {
  const { adoptCluster, formatClusterfile, ownAddress } = await import('@sealos/runtime');
  const choice = await readSshFlags(flags, interrupted);
  const { cluster, hosts, kubeconfig, source, warnings, file } = await adoptCluster({
    cluster: flags.cluster,
    masters: flags.masters,
    from: flags.from,
    dryRun: flags.dryRun,
    ssh: choice.ssh,
    connection: { ...choice.connection, localIp: ownAddress },
    signal: interrupted,
  });
  for (const warning of warnings) process.stderr.write(`warning: ${warning}\n`);
  const what = `cluster '${cluster}' with ${hosts} host${hosts === 1 ? '' : 's'}`;
  if (flags.dryRun) {
    process.stdout.write(formatClusterfile(file));
    process.stderr.write(`${what}, from ${source}; nothing was taken over: this was a dry run\n`);
  } else console.log(`${what} is managed from here now; its kubeconfig is ${kubeconfig}`);
}
