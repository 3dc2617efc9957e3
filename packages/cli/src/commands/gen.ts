import { Command } from 'commander';
import { interrupted } from '../interrupt.ts';
import { parsePort } from '../ssh-options.ts';
import { addValuesOptions, collect, type ValuesFlags } from '../values-options.ts';

interface GenFlags extends ValuesFlags {
  readonly masters?: string;
  readonly nodes?: string;
  readonly cluster: string;
  readonly user?: string;
  readonly passwd?: string;
  readonly pk?: string;
  readonly pkPasswd?: string;
  readonly port?: number;
  readonly env: readonly string[];
  readonly cmd: readonly string[];
  readonly output?: string;
}

export function genCommand(): Command {
  const command = new Command('gen')
    .description('Print the Clusterfile for images and hosts, to be edited and applied; no host is asked')
    .argument('<image...>', 'images in order, the rootfs first; a name, or an archive file made by save')
    .option('--masters <list>', 'control-plane hosts: IP, IP:PORT, FIRST-LAST or CIDR, separated by commas (default: this machine)')
    .option('--nodes <list>', 'worker hosts, in the same form')
    .option('--cluster <name>', 'name of the cluster', 'default')
    .option('-u, --user <name>', 'user on the hosts')
    .option('-p, --passwd <password>', 'password on the hosts; it is written into the Clusterfile')
    .option('-i, --pk <file>', 'private key, by its path on this machine')
    .option('--pk-passwd <passphrase>', "the key's passphrase; it is written into the Clusterfile")
    .option('--port <port>', 'port of sshd on the hosts', parsePort)
    .option('-e, --env <K=V>', "a setting for the images' scripts, templates and commands; repeatable", collect, [])
    .option('--cmd <line>', "a shell line in place of the first image's CMD; repeatable", collect, [])
    .option('-o, --output <file>', 'write it there instead of printing it');
  return addValuesOptions(command).action(gen);
}

async function gen(images: readonly string[], flags: GenFlags): Promise<void> {
  const { openStore, parsePlatform, parseReference, pullImage } = await import('@sealos/image');
  const { formatOwnClusterfile, generateClusterfile, ownAddress, readConfigFiles, writeOwnClusterfile } = await import('@sealos/runtime');
  const { loadArchives } = await import('../archive-arguments.ts');
  const { showTransfers } = await import('../output.ts');

  const env = new Map<string, string>();
  const more = await readConfigFiles({ ...flags, configFiles: flags.configFile, env, environment: process.env }, interrupted);
  await using store = await openStore();
  const { file, warnings } = await generateClusterfile({
    store,
    flags: {
      name: flags.cluster,
      images: await loadArchives(store, images, { signal: interrupted }),
      masters: flags.masters ?? ownAddress(),
      nodes: flags.nodes,
      ssh: {
        ...(flags.user === undefined ? {} : { user: flags.user }),
        ...(flags.passwd === undefined ? {} : { passwd: flags.passwd }),
        ...(flags.pk === undefined ? {} : { pk: flags.pk }),
        ...(flags.pkPasswd === undefined ? {} : { pkPasswd: flags.pkPasswd }),
        ...(flags.port === undefined ? {} : { port: flags.port }),
      },
      env: flags.env,
      command: flags.cmd,
    },
    more,
    platform: parsePlatform(`linux/${process.arch === 'arm64' ? 'arm64' : 'amd64'}`),
    async pull(name, platform, signal) {
      using transfers = showTransfers({ quiet: false });
      await pullImage(store, parseReference(name), { platform, onEvent: transfers.onEvent, signal });
    },
    signal: interrupted,
  });
  for (const warning of warnings) console.error(`warning: ${warning}`);
  if (flags.output === undefined) process.stdout.write(formatOwnClusterfile(file));
  else await writeOwnClusterfile(flags.output, file);
}
