import { Command } from 'commander';
import { addChangeOptions, type ChangeFlags, change } from '../cluster-change.ts';
import { confirmLeaving } from '../confirm-leaving.ts';
import { interrupted } from '../interrupt.ts';
import { addTrustOptions } from '../trust-options.ts';

interface ApplyFlags extends Omit<ChangeFlags, 'cluster'> {
  readonly Clusterfile: string;
  readonly values: readonly string[];
  readonly set: readonly string[];
  readonly env: readonly string[];
  readonly configFile: readonly string[];
  readonly yes?: boolean;
  readonly force?: boolean;
  readonly keepGoing?: boolean;
}

const collect = (value: string, list: readonly string[]) => [...list, value];

function makeCommand(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .option('-f, --Clusterfile <file>', 'path or URL of the Clusterfile, - for standard input', 'Clusterfile')
    .option('--values <file>', "values for the Clusterfile's template: a path or URL; repeatable", collect, [])
    .option('--set <key=value>', "one value for the Clusterfile's template, as helm has it; repeatable", collect, [])
    .option('--env <K=V>', "a setting for the images' scripts, templates and commands; repeatable", collect, [])
    .option('--config-file <file>', 'a file with Config and kubeadm documents; repeatable', collect, []);
}

export function applyCommand(): Command {
  const command = makeCommand('apply', 'Bring a cluster to what a Clusterfile says; applied again it changes nothing')
    .option('-y, --yes', 'do not ask before hosts are taken out')
    .option('--force', "run the images' commands again even if they ended well before; do not wait for pods that do not leave a node")
    .option('--adopt-containerd', "set a containerd aside that a host has already, for the image's own; reset puts it back")
    .option('--keep-going', "go on with an image's next command when one fails");
  return addChangeOptions(addTrustOptions(command)).action(apply);
}

export function planCommand(): Command {
  const command = makeCommand('plan', 'Show what apply would change, and change nothing');
  return addChangeOptions(addTrustOptions(command)).action((flags: ApplyFlags) => apply({ ...flags, dryRun: true }));
}

async function apply(flags: ApplyFlags): Promise<void> {
  const { applyCluster, formatChanges, parseEnvironment, readClusterfile } = await import('@sealos/runtime');
  const { file, warnings } = await readClusterfile(
    {
      location: flags.Clusterfile,
      values: flags.values,
      set: flags.set,
      env: parseEnvironment(flags.env, '--env'),
      configFiles: flags.configFile,
      environment: process.env,
    },
    interrupted,
  );
  for (const warning of warnings) console.error(`warning: ${warning}`);
  await change(
    { ...flags, cluster: file.cluster.name },
    (options, ssh) =>
      applyCluster({
        ...options,
        file,
        ssh,
        env: flags.env,
        force: flags.force ?? false,
        keepGoing: flags.keepGoing ?? false,
        onChanges(changes) {
          if (changes.length === 0 || flags.quiet || flags.logFormat === 'json') return;
          // What plan was asked for is its answer; to apply it is news.
          (flags.dryRun ? process.stdout : process.stderr).write(`${formatChanges(changes)}\n`);
        },
        async confirm(cluster, leaving) {
          if (!flags.yes && !flags.force) await confirmLeaving(cluster, leaving);
        },
      }),
    ({ cluster, master0, kubeconfig }) =>
      `cluster '${cluster}' is as the Clusterfile says; kubectl works as root on ${master0}, and here with the kubeconfig ${kubeconfig}`,
  );
}
