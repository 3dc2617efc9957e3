import { Command, Option } from 'commander';
import { addChangeOptions, type ChangeFlags, change } from '../cluster-change.ts';
import { interrupted } from '../interrupt.ts';
import { addTrustOptions } from '../trust-options.ts';
import { addValuesOptions, collect, type ValuesFlags } from '../values-options.ts';

interface RunFlags extends ChangeFlags, ValuesFlags {
  readonly masters?: string;
  readonly nodes?: string;
  readonly env: readonly string[];
  readonly cmd: readonly string[];
  readonly force?: boolean;
  readonly keepGoing?: boolean;
}

export function runCommand(): Command {
  const command = new Command('run')
    .description('Make a cluster from a rootfs image and run application images on it; repeat it to go on after an interruption')
    .argument('<image...>', 'images in order, the rootfs first; a name, or an archive file made by save')
    .option('--masters <list>', 'control-plane hosts: IP, IP:PORT, FIRST-LAST or CIDR, separated by commas (default: this machine)')
    .option('--nodes <list>', 'worker hosts, in the same form')
    .option('--cluster <name>', 'name of the cluster', 'default')
    .option('-e, --env <K=V>', "a setting for the images' scripts, templates and commands; repeatable", collect, [])
    .option('--cmd <line>', "a shell line in place of the first image's CMD; repeatable", collect, [])
    .option('-f, --force', "run the images' commands again even if they ended well before")
    .option('--keep-going', "go on with an image's next command when one fails")
    .option('--adopt-containerd', "set a containerd aside that a host has already, for the image's own; reset puts it back")
    .option('-y, --yes', 'ask nothing')
    .addOption(new Option('-t, --transport <format>', 'format of archive files (found out by itself)').hideHelp());
  return addChangeOptions(addTrustOptions(addValuesOptions(command))).action(run);
}

async function run(images: readonly string[], flags: RunFlags): Promise<void> {
  const { readConfigFiles, runCluster } = await import('@sealos/runtime');
  const { loadArchives } = await import('../archive-arguments.ts');

  const env = new Map<string, string>();
  const documents = await readConfigFiles({ ...flags, configFiles: flags.configFile, env, environment: process.env }, interrupted);
  await change(
    flags,
    async (options, ssh) =>
      runCluster({
        ...options,
        request: {
          cluster: flags.cluster,
          images: await loadArchives(options.store, images, options),
          masters: flags.masters,
          nodes: flags.nodes,
          ssh,
          env: flags.env,
          command: flags.cmd,
        },
        documents,
        force: flags.force ?? false,
        keepGoing: flags.keepGoing ?? false,
      }),
    ({ cluster, master0, kubeconfig }) =>
      `cluster '${cluster}' is ready; kubectl works as root on ${master0}, and here with the kubeconfig ${kubeconfig}`,
  );
}
