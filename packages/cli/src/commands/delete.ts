import { Command } from 'commander';
import { addChangeOptions, type ChangeFlags, change } from '../cluster-change.ts';
import { confirmLeaving } from '../confirm-leaving.ts';

interface DeleteFlags extends ChangeFlags {
  readonly masters?: string;
  readonly nodes?: string;
  readonly yes?: boolean;
  readonly force?: boolean;
}

export function deleteCommand(): Command {
  const command = new Command('delete')
    .description('Take control planes and workers out of a cluster, and everything of the cluster off them')
    .option('--masters <list>', 'control-plane hosts to take out: IP, FIRST-LAST or CIDR, separated by commas')
    .option('--nodes <list>', 'worker hosts to take out, in the same form')
    .option('--cluster <name>', 'name of the cluster', 'default')
    .option('-y, --yes', 'do not ask')
    .option('--force', 'do not ask, and do not wait for pods that do not leave a node');
  return addChangeOptions(command).action(remove);
}

async function remove(flags: DeleteFlags): Promise<void> {
  const { deleteHosts } = await import('@sealos/runtime');
  await change(
    flags,
    (options, ssh) =>
      deleteHosts({
        ...options,
        cluster: flags.cluster,
        masters: flags.masters,
        nodes: flags.nodes,
        ssh,
        force: flags.force ?? false,
        async confirm(cluster, leaving) {
          if (!flags.yes && !flags.force) await confirmLeaving(cluster, leaving);
        },
      }),
    ({ cluster }) => `the hosts are no longer part of cluster '${cluster}'`,
  );
}
