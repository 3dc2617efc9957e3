import { Command } from 'commander';
import { addChangeOptions, type ChangeFlags, change } from '../cluster-change.ts';

interface AddFlags extends ChangeFlags {
  readonly masters?: string;
  readonly nodes?: string;
}

export function addCommand(): Command {
  const command = new Command('add')
    .description('Add control planes and workers to a cluster; repeat it to go on after an interruption')
    .option('--masters <list>', 'control-plane hosts to add: IP, IP:PORT, FIRST-LAST or CIDR, separated by commas')
    .option('--nodes <list>', 'worker hosts to add, in the same form')
    .option('--cluster <name>', 'name of the cluster', 'default')
    .option('--adopt-containerd', "set a containerd aside that a host has already, for the image's own; reset puts it back")
    .option('-y, --yes', 'ask nothing');
  return addChangeOptions(command).action(add);
}

async function add(flags: AddFlags): Promise<void> {
  const { addHosts } = await import('@sealos/runtime');
  await change(
    flags,
    (options, ssh) => addHosts({ ...options, cluster: flags.cluster, masters: flags.masters, nodes: flags.nodes, ssh }),
    ({ cluster }) => `the hosts are part of cluster '${cluster}'`,
  );
}
