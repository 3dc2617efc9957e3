import type { AddedNames, ClusterCertificates, JudgedCertificate, RenewalResult } from '@sealos/runtime';
import { Command, InvalidArgumentError, Option } from 'commander';
import { interrupted } from '../interrupt.ts';
import { formatTable } from '../output.ts';
import { showRun } from '../progress/show-run.ts';
import { addSshOptions, readSshFlags, type SshFlags } from '../ssh-options.ts';

interface CertFlags extends SshFlags {
  readonly cluster: string;
  readonly output?: 'json';
  readonly check?: boolean;
  /** Milliseconds. */
  readonly within: number;
  readonly altNames: readonly string[];
  readonly renew: readonly string[];
  readonly groups: readonly string[];
  readonly quiet?: boolean;
  readonly logFormat: 'auto' | 'plain' | 'json';
}

const HOUR = 3_600_000;

function readWithin(text: string): number {
  const [, number, unit] = /^(\d{1,6})([dh])$/.exec(text) ?? [];
  if (number === undefined) throw new InvalidArgumentError('write a number of days or hours: 30d, 12h.');
  return Number(number) * (unit === 'd' ? 24 * HOUR : HOUR);
}

const list = (value: string, before: readonly string[]) => [
  ...before,
  ...value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== ''),
];

export function certCommand(): Command {
  const command = new Command('cert')
    .description("Show a cluster's certificates, add names to those of its API, or renew them; the API stays up meanwhile")
    .option('-c, --cluster <name>', 'name of the cluster', 'default')
    .option('--alt-names <names>', "DNS names and addresses to add to the API server's certificates, separated by commas", list, [])
    .option('--renew <names>', 'make these anew for 100 years: all, admin.conf, apiserver, etcd-server, …', list, [])
    .option('--groups <groups>', 'with --renew admin.conf or all: groups of the administrator, from now on', list, [])
    .addOption(new Option('-o, --output <format>', 'output format of the list').choices(['json']))
    .option('--check', 'exit status 1 where a certificate is wrong or ends soon')
    .addOption(new Option('--within <time>', 'what counts as soon').argParser(readWithin).default(30 * 24 * HOUR, '30d'))
    .option('-q, --quiet', 'print errors only')
    .addOption(new Option('--log-format <format>', 'how progress is printed').choices(['auto', 'plain', 'json']).default('auto'));
  return addSshOptions(command).action(cert);
}

async function cert(flags: CertFlags): Promise<void> {
  const { badInput } = await import('@sealos/image');
  const { ownAddress } = await import('@sealos/runtime');
  const isChange = flags.altNames.length > 0 || flags.renew.length > 0;
  if (flags.altNames.length > 0 && flags.renew.length > 0)
    throw badInput('bad-flags', '--alt-names and --renew exclude one another', 'do one after the other');
  if (isChange && (flags.check || flags.output)) throw badInput('bad-flags', '--check and --output are for the list of certificates');
  const { ssh, connection } = await readSshFlags(flags, interrupted);
  const target = { cluster: flags.cluster, ssh, connection: { ...connection, localIp: ownAddress }, signal: interrupted };
  if (isChange) await change(flags, target);
  else await show(flags, target);
}

type Target = Parameters<typeof import('@sealos/runtime').clusterCertificates>[0];

async function show(flags: CertFlags, target: Omit<Target, 'within'>): Promise<void> {
  const { badInput } = await import('@sealos/image');
  if (flags.groups.length > 0) throw badInput('bad-flags', '--groups goes with --renew admin.conf or all');
  const { clusterCertificates } = await import('@sealos/runtime');
  const report = await clusterCertificates({ ...target, within: flags.within });
  if (flags.output === 'json') console.log(JSON.stringify(report, undefined, 2));
  else if (!flags.quiet) console.log(textOf(report));
  if (flags.check && !report.healthy) process.exitCode = 1;
}

function stateOf({ problems, note }: JudgedCertificate): string {
  return problems.length > 0 ? `! ${problems.join('; ')}` : (note ?? 'ok');
}

function textOf({ certificates, unreached, healthy }: ClusterCertificates): string {
  const table = formatTable(
    ['HOST', 'FILE', 'SUBJECT', 'AUTHORITY', 'ENDS', 'DAYS', 'STATE'],
    certificates.map((one) => [
      one.host,
      one.path,
      one.subject || '-',
      one.kind === 'authority' ? 'itself' : (one.authority ?? '-'),
      one.ends.slice(0, 10) || '-',
      one.ends === '' ? '-' : String(one.daysLeft),
      stateOf(one),
    ]),
  );
  const names = certificates
    .filter(({ host, renew }) => host !== 'operator' && renew === 'apiserver')
    .map((one) => `${one.host} serves the API as ${one.names.join(', ')}`);
  const silent = unreached.map(({ host, why }) => `${host} was not asked: ${why}`);
  const wrong = certificates.filter(({ problems }) => problems.length > 0).length;
  const renewable = certificates.some(({ problems, renew }) => problems.length > 0 && renew !== undefined);
  const end = healthy
    ? ['all certificates are well']
    : wrong === 0
      ? []
      : [
          `${wrong} of ${certificates.length} need attention${renewable ? '; sealos cert --renew all renews what is not an authority' : ''}`,
        ];
  return [table, '', ...names, ...silent, ...end].join('\n');
}

async function change(flags: CertFlags, target: Omit<Target, 'within'>): Promise<void> {
  const { addApiNames, renewCertificates } = await import('@sealos/runtime');
  const { version } = await import('../product.ts');
  using progress = showRun({ format: flags.logFormat, quiet: flags.quiet });
  const options = { ...target, sealosVersion: version, onEvent: progress.onEvent };
  const text =
    flags.altNames.length > 0
      ? namesText(flags.altNames, await addApiNames({ ...options, names: flags.altNames }))
      : renewedText(await renewCertificates({ ...options, names: flags.renew, groups: flags.groups }));
  progress[Symbol.dispose]();
  if (!flags.quiet && flags.logFormat !== 'json') console.log(text);
}

function namesText(names: readonly string[], { changed }: AddedNames): string {
  return changed === 0
    ? `the API's certificates name ${names.join(', ')} already: nothing was changed`
    : `every API server shows a certificate that names ${names.join(', ')}; later control planes will too`;
}

function renewedText({ renewed, kubeconfig }: RenewalResult): string {
  const hint = renewed.includes('admin.conf')
    ? `\nthe administrator's new kubeconfig is ${kubeconfig}; copies of the old one work until they end`
    : '';
  return `renewed and in use: ${renewed.join(', ')}${hint}`;
}
