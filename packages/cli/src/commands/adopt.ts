import { Command } from 'commander';
import { interrupted } from '../interrupt.ts';
import { addSshOptions, readSshFlags, type SshFlags } from '../ssh-options.ts';

interface AdoptFlags extends SshFlags {
  readonly masters?: string;
  readonly cluster?: string;
}

export function adoptCommand(): Command {
  const command = new Command('adopt')
    .description('Rebuild the state of a cluster on this machine from the cluster itself, where the operator was lost')
    .option('--masters <list>', 'control planes to ask; the first that answers tells (default: this machine)')
    .option('--cluster <name>', 'refuse a cluster of another name');
  return addSshOptions(command).action(adopt);
}

async function adopt(flags: AdoptFlags): Promise<void> {
  const { adoptCluster, ownAddress } = await import('@sealos/runtime');
  const choice = await readSshFlags(flags, interrupted);
  const { cluster, hosts, kubeconfig } = await adoptCluster({
    cluster: flags.cluster,
    masters: flags.masters,
    ssh: choice.ssh,
    connection: { ...choice.connection, localIp: ownAddress },
    signal: interrupted,
  });
  console.log(`cluster '${cluster}' with ${hosts} host${hosts === 1 ? '' : 's'} is managed from here now; its kubeconfig is ${kubeconfig}`);
}
