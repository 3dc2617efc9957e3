import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { Command, Option } from 'commander';
import { interrupted } from '../interrupt.ts';
import { addOlderHosts, carryOut, hostWords, type OlderHosts, sshWords, tellModern } from '../older-command.ts';
import { showTransfers } from '../output.ts';
import { addSshOptions, type SshFlags } from '../ssh-options.ts';
import { collect } from '../values-options.ts';

interface InitFlags extends OlderHosts, SshFlags {
  readonly cluster: string;
  readonly pkgUrl: string;
  readonly version?: string;
  readonly vip: string;
  readonly apiserver: string;
  readonly kubeadmConfig?: string;
  readonly certSans: readonly string[];
  readonly repo?: string;
  readonly podcidr?: string;
  readonly svccidr?: string;
  readonly network: string;
  readonly withoutCni?: boolean;
  readonly registry?: string;
  readonly dryRun?: boolean;
}

const API_SERVER = 'apiserver.cluster.local';
const VIP = '10.103.97.2';
/** Flags that had to do with the pod network that sealos 3 had built in, with its own kubeadm and with its logs. */
const WITHOUT_EFFECT = ['--interface <name>', '--bgp', '--mtu <bytes>', '--lvscare-image <name>', '--lvscare-tag <tag>', '--vlog <level>'];

export function initCommand(): Command {
  const command = new Command('init')
    .description('Make a cluster from an offline package, as sealos 1 to 3 did: today convert and run')
    .requiredOption('--pkg-url <file>', 'the offline package: a file or an http URL')
    .option('--version <version>', 'its Kubernetes version (v1.22.0; default: what it says itself)')
    .option('--vip <ip>', "the API's address on workers", VIP)
    .option('--kubeadm-config <file>', "template of kubeadm's configuration, with {{.Masters}}, {{.VIP}} and {{.Version}}")
    .option('--cert-sans <names>', "more names for the API's certificate; repeatable", collect, [])
    .option('--repo <name>', "repository of Kubernetes' images (default: that of the package's)")
    .option('--podcidr <cidr>', 'range of the pods (default: 100.64.0.0/10)')
    .option('--svccidr <cidr>', 'range of the services (default: 10.96.0.0/22)')
    .option('--network <name>', 'pod network: that of the package', 'calico')
    .option('--without-cni', "leave out the package's pod network")
    .option('--registry <file>', 'program that serves container images (default: that of a rootfs image on this machine)')
    .option('--dry-run', 'show what would be done, and change nothing on the hosts')
    .addOption(new Option('--apiserver <name>', "the API's name").default(API_SERVER).hideHelp());
  for (const flags of WITHOUT_EFFECT) command.addOption(new Option(flags).hideHelp());
  return addSshOptions(addOlderHosts(command)).action(init);
}

async function init(flags: InitFlags, command: Command): Promise<void> {
  const { badInput, convertPackage, openStore, parseReference } = await import('@sealos/image');
  const { olderKubeadmDocuments, parseHostList } = await import('@sealos/runtime');
  if (flags.master.length === 0) throw badInput('no-master', 'no control plane is named', 'name one with --master');
  for (const list of [flags.master, flags.node]) parseHostList(list.join(','), 22);
  if (flags.apiserver !== API_SERVER) throw badInput('bad-flag', `--apiserver ${flags.apiserver}: the API's name is always ${API_SERVER}`);
  if (flags.network !== 'calico' && !flags.withoutCni)
    throw badInput(
      'bad-flag',
      `--network ${flags.network} is in no offline package`,
      `say --without-cni, then run an image of it: sealos run ${flags.network}`,
    );
  for (const name of WITHOUT_EFFECT.map((text) => text.split(' ')[0] ?? '')) {
    const key = name.replace(/^--/, '').replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase());
    if (command.getOptionValueSource(key) === 'cli') process.stderr.write(`warning: ${name} has no effect any more\n`);
  }
  const template = flags.kubeadmConfig === undefined ? undefined : await readTemplate(flags.kubeadmConfig);

  const name = imageName(flags.pkgUrl);
  parseReference(name);
  const convertWords = [
    'convert',
    flags.pkgUrl,
    '-t',
    name,
    ...(flags.version === undefined ? [] : ['--version', flags.version]),
    ...(flags.withoutCni ? ['--no-cni'] : []),
  ];
  await using store = await openStore();
  using progress = showTransfers({ quiet: undefined });
  const { version, warnings } = await convertPackage(store, flags.pkgUrl, {
    name,
    version: flags.version,
    registry: flags.registry,
    withoutCni: flags.withoutCni,
    input: await download(flags.pkgUrl),
    onEvent: progress.onEvent,
    signal: interrupted,
  });
  progress[Symbol.dispose]();
  for (const warning of warnings) process.stderr.write(`warning: ${warning}\n`);

  const documents = olderKubeadmDocuments({
    template,
    version,
    vip: flags.vip,
    masters: flags.master.join(','),
    podCidr: flags.podcidr,
    serviceCidr: flags.svccidr,
    certSans: flags.certSans.flatMap((names) => names.split(',')),
    repository: flags.repo,
  });
  const directory = await mkdtemp(join(tmpdir(), 'sealos-init-'));
  try {
    const files: string[] = [];
    for (const [index, text] of documents.entries()) {
      const file = join(directory, `kubeadm-${index}.yaml`);
      await writeFile(file, text, { mode: 0o600 });
      files.push(file);
    }
    const words = (configFiles: readonly string[]) => [
      name,
      ...hostWords(flags),
      ...(flags.cluster === 'default' ? [] : ['--cluster', flags.cluster]),
      ...(flags.vip === VIP ? [] : ['-e', `defaultVIP=${flags.vip}`]),
      ...configFiles.flatMap((file) => ['--config-file', file]),
      ...(flags.dryRun ? ['--dry-run'] : []),
      ...sshWords(flags),
    ];
    // What the flags say of kubeadm is in a file that is gone afterwards.
    tellModern(convertWords, ['run', ...words(documents.length === 0 ? [] : ['kubeadm.yaml'])]);
    const { runCommand } = await import('./run.ts');
    await carryOut(runCommand(), words(files));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function readTemplate(path: string): Promise<string> {
  const { badInput } = await import('@sealos/image');
  return readFile(path, 'utf8').catch(() => {
    throw badInput('bad-flag', `--kubeadm-config ${path} cannot be read`);
  });
}

/** `kube1.22.0.tar.gz` is `localhost/kube1.22.0:converted`. */
function imageName(url: string): string {
  const file = basename(url.split('?')[0] ?? url).replace(/\.(tar|tgz|tar\.gz|tar\.zst)$/, '');
  return `localhost/${
    file
      .toLowerCase()
      .replaceAll(/[^a-z0-9.]+/g, '-')
      .replaceAll(/^[.-]+|[.-]+$/g, '') || 'kubernetes'
  }:converted`;
}

async function download(url: string): Promise<Readable | undefined> {
  if (!/^https?:\/\//.test(url)) return undefined;
  const { badInput, SealosError } = await import('@sealos/image');
  const response = await fetch(url, { signal: interrupted }).catch((error: unknown) => {
    throw new SealosError('download-failed', `${url} cannot be fetched`, { cause: error });
  });
  if (!response.ok || response.body === null) throw badInput('archive-not-found', `${url} answers ${response.status}`);
  const body: ReadableStream = response.body;
  return Readable.fromWeb(body);
}
