import type { EtcdHealth, MemberHealth } from '@sealos/runtime';
import { Command, Option } from 'commander';
import { formatBytes, formatTable } from '../output.ts';
import { addEtcdOptions, type EtcdFlags, etcdTarget } from './etcd-options.ts';

interface HealthFlags extends EtcdFlags {
  readonly output?: 'json';
}

const addOutput = (command: Command) =>
  addEtcdOptions(command.addOption(new Option('-o, --output <format>', 'output format').choices(['json'])));

export function healthCommand(): Command {
  return addOutput(
    new Command('health').description('Show how the members of etcd are; exit status 1 where one is not well or the quorum is at risk'),
  ).action(health);
}

export function membersCommand(): Command {
  return addOutput(new Command('members').description('List the members of etcd')).action(members);
}

export function defragCommand(): Command {
  return addEtcdOptions(
    new Command('defrag').description("Give free space in the members' files back, one member after the other, and take back space alarms"),
  ).action(defrag);
}

const orDash = (value: string | number | undefined) => (value === undefined ? '-' : String(value));
const sizeOf = (bytes: number | undefined) => (bytes === undefined ? '-' : formatBytes(bytes));

function roleOf({ isLeader, isLearner, healthy }: MemberHealth): string {
  if (isLeader) return 'leader';
  return isLearner ? 'learner' : healthy ? 'follower' : '-';
}

async function health(flags: HealthFlags): Promise<void> {
  const { clusterEtcdHealth } = await import('@sealos/runtime');
  const report = await clusterEtcdHealth(await etcdTarget(flags));
  console.log(flags.output === 'json' ? JSON.stringify(report, undefined, 2) : healthText(report));
  if (!report.healthy) process.exitCode = 1;
}

function healthText({ healthy, quorum, tolerance, members }: EtcdHealth): string {
  const table = formatTable(
    ['HOST', 'MEMBER', 'ROLE', 'VERSION', 'DB SIZE', 'IN USE', 'REVISION', 'LAG', 'LATENCY', 'STATE'],
    members.map((member) => [
      member.endpoint,
      member.name ?? orDash(member.id),
      roleOf(member),
      orDash(member.version),
      sizeOf(member.dbSize),
      sizeOf(member.dbSizeInUse),
      orDash(member.revision),
      orDash(member.lag),
      member.latency === undefined ? '-' : `${member.latency.toFixed(1)} ms`,
      member.problem ?? 'healthy',
    ]),
  );
  return `${table}\n${conclusion(healthy, quorum, tolerance)}`;
}

function conclusion(healthy: boolean, quorum: boolean, tolerance: number): string {
  if (!quorum) return 'there is no quorum: the cluster takes no changes';
  const spare = tolerance === 0 ? 'no further member may be lost' : `${tolerance} more member${tolerance === 1 ? '' : 's'} may be lost`;
  return healthy ? `healthy; ${spare}` : `not healthy: the quorum holds, ${spare}`;
}

async function members(flags: HealthFlags): Promise<void> {
  const { clusterEtcdHealth } = await import('@sealos/runtime');
  const report = await clusterEtcdHealth(await etcdTarget(flags));
  const rows = report.members.map(({ id, name, endpoint, isLeader, isLearner, healthy }) => ({
    id,
    name,
    endpoint,
    isLeader,
    isLearner,
    healthy,
  }));
  if (flags.output === 'json') {
    console.log(JSON.stringify(rows, undefined, 2));
    return;
  }
  console.log(
    formatTable(
      ['ID', 'NAME', 'HOST', 'ROLE', 'STATE'],
      report.members.map((member) => [
        orDash(member.id),
        orDash(member.name),
        member.endpoint,
        roleOf(member),
        member.healthy ? 'healthy' : 'not healthy',
      ]),
    ),
  );
}

async function defrag(flags: EtcdFlags): Promise<void> {
  const { defragmentCluster } = await import('@sealos/runtime');
  await defragmentCluster({
    ...(await etcdTarget(flags)),
    onMember: (host, before, after) => console.log(`${host}  ${formatBytes(before)} -> ${formatBytes(after)}`),
  });
}
