import { Command, Option } from 'commander';
import { interrupted } from '../interrupt.ts';
import { version } from '../product.ts';
import { showRun } from '../progress/show-run.ts';
import { stepTimeout } from '../settings.ts';
import { addSshOptions, readSshFlags, type SshFlags } from '../ssh-options.ts';

interface RunFlags extends SshFlags {
  readonly masters?: string;
  readonly nodes?: string;
  readonly cluster: string;
  readonly env: readonly string[];
  readonly cmd: readonly string[];
  readonly configFile: readonly string[];
  readonly force?: boolean;
  readonly dryRun?: boolean;
  readonly keepGoing?: boolean;
  readonly logFormat: 'auto' | 'plain' | 'json';
  readonly quiet?: boolean;
}

const collect = (value: string, list: readonly string[]) => [...list, value];

export function runCommand(): Command {
  const command = new Command('run')
    .description('Make a cluster from a rootfs image and run application images on it; repeat it to go on after an interruption')
    .argument('<image...>', 'images in order, the rootfs first; a name, or an archive file made by save')
    .option('--masters <list>', 'control-plane hosts: IP, IP:PORT, FIRST-LAST or CIDR, separated by commas (default: this machine)')
    .option('--nodes <list>', 'worker hosts, in the same form')
    .option('--cluster <name>', 'name of the cluster', 'default')
    .option('-e, --env <K=V>', "a setting for the images' scripts, templates and commands; repeatable", collect, [])
    .option('--cmd <line>', "a shell line in place of the first image's CMD; repeatable", collect, [])
    .option('--config-file <file>', 'a file with kubeadm documents to merge; repeatable', collect, [])
    .option('-f, --force', "run the images' commands again even if they ended well before")
    .option('--dry-run', 'show what would be done, and change nothing')
    .option('--keep-going', "go on with an image's next command when one fails")
    .option('-y, --yes', 'ask nothing')
    .option('-q, --quiet', 'print errors only')
    .addOption(new Option('--log-format <format>', 'how progress is printed').choices(['auto', 'plain', 'json']).default('auto'))
    .addOption(new Option('-t, --transport <format>', 'format of archive files (found out by itself)').hideHelp());
  return addSshOptions(command).action(run);
}

async function run(images: readonly string[], flags: RunFlags): Promise<void> {
  const { openStore, parsePlatform, pullImage, parseReference } = await import('@sealos/image');
  const { ownAddress, parseKubeadmDocuments, runCluster } = await import('@sealos/runtime');
  const { readInputFile } = await import('../input-file.ts');
  const { loadArchives } = await import('../archive-arguments.ts');
  const { showTransfers } = await import('../output.ts');

  const choice = await readSshFlags(flags, interrupted);
  const userDocuments = [];
  for (const file of flags.configFile) userDocuments.push(...parseKubeadmDocuments(await readInputFile('--config-file', file), file));
  await using store = await openStore();
  using progress = showRun({ format: flags.logFormat, quiet: flags.quiet, isAnswer: flags.dryRun });
  const names = await loadArchives(store, images, interrupted);
  const result = await runCluster({
    request: {
      cluster: flags.cluster,
      images: names,
      masters: flags.masters,
      nodes: flags.nodes,
      ssh: choice.ssh,
      env: flags.env,
      command: flags.cmd,
    },
    connection: { ...choice.connection, localIp: ownAddress },
    store,
    async pull(name, platform, signal) {
      using transfers = showTransfers({ quiet: flags.quiet });
      await pullImage(store, parseReference(name), {
        platform: parsePlatform(`${platform.os}/${platform.architecture}`),
        onEvent: transfers.onEvent,
        signal,
      });
    },
    userDocuments,
    dryRun: flags.dryRun ?? false,
    force: flags.force ?? false,
    keepGoing: flags.keepGoing ?? false,
    sealosVersion: version,
    timeout: stepTimeout(process.env),
    onEvent: progress.onEvent,
    signal: interrupted,
  });
  progress[Symbol.dispose]();
  if (flags.quiet || flags.logFormat === 'json') return;
  if (flags.dryRun) console.log(result.changed === 0 ? 'nothing would be changed' : 'nothing was changed: this was a dry run');
  else if (result.changed === 0) console.log(`cluster '${result.cluster}' is as it should be: nothing was changed`);
  else
    console.log(
      `cluster '${result.cluster}' is ready; kubectl works as root on ${result.master0}, and here with the kubeconfig ${result.kubeconfig}`,
    );
}
