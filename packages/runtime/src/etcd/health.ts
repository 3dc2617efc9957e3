import { SealosError } from '@sealos/image';
import type { Host } from '../host/host.ts';
import { openEtcd } from './client.ts';
import type { EtcdIdentity } from './identity.ts';
import type { EtcdAlarm, EtcdMember, EtcdStatus } from './messages.ts';

/** One member, as it is seen from its own host. */
export interface MemberHealth {
  /** Hexadecimal, as etcdctl prints it; undefined where it did not answer and no member list tells. */
  readonly id: string | undefined;
  readonly name: string | undefined;
  /** The host that it runs on, or its client address where that is no host of the cluster. */
  readonly endpoint: string;
  readonly healthy: boolean;
  /** Why it is not healthy. */
  readonly problem: string | undefined;
  readonly isLeader: boolean;
  readonly isLearner: boolean;
  readonly version: string | undefined;
  readonly dbSize: number | undefined;
  readonly dbSizeInUse: number | undefined;
  readonly revision: number | undefined;
  /** Revisions that it is behind the one that has got furthest. */
  readonly lag: number | undefined;
  readonly raftTerm: number | undefined;
  /** Milliseconds that a read through the quorum took. */
  readonly latency: number | undefined;
  readonly alarms: readonly EtcdAlarm['alarm'][];
}

export interface EtcdHealth {
  /** Every member is well, there is a leader, and no alarm. */
  readonly healthy: boolean;
  /** More than half of the voting members serve. */
  readonly quorum: boolean;
  /** Members that may yet be lost without losing the quorum. */
  readonly tolerance: number;
  readonly members: readonly MemberHealth[];
}

interface Answer {
  readonly host: Host;
  readonly status: EtcdStatus | undefined;
  readonly latency: number | undefined;
  readonly members: readonly EtcdMember[] | undefined;
  readonly alarms: readonly EtcdAlarm[] | undefined;
  readonly problem: string | undefined;
}

export interface HealthOptions {
  readonly masters: readonly Host[];
  /** Control-plane hosts that cannot be reached, and why. */
  readonly unreached?: readonly { readonly name: string; readonly ip: string; readonly why: string }[] | undefined;
  readonly identity: EtcdIdentity;
  readonly signal: AbortSignal;
}

const because = (error: unknown) => (error instanceof Error ? error.message : String(error));
const withoutHost = (error: unknown, host: Host) =>
  because(error)
    .replace(`${host.name}: `, '')
    .replace(/^etcd: /, '');

async function ask(host: Host, identity: EtcdIdentity, signal: AbortSignal): Promise<Answer> {
  const nothing = { host, status: undefined, latency: undefined, members: undefined, alarms: undefined };
  try {
    using client = await openEtcd(host, identity, signal);
    const status = await client.status(signal);
    const [reading, members, alarms] = await Promise.allSettled([client.read(signal), client.members(signal), client.alarms(signal)]);
    return {
      host,
      status,
      latency: reading.status === 'fulfilled' ? reading.value : undefined,
      members: members.status === 'fulfilled' ? members.value : undefined,
      alarms: alarms.status === 'fulfilled' ? alarms.value : undefined,
      problem: reading.status === 'rejected' ? withoutHost(reading.reason, host) : undefined,
    };
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof SealosError)) throw error;
    return { ...nothing, problem: withoutHost(error, host) };
  }
}

const hex = (id: bigint) => id.toString(16);

/** The IP address in a URL of etcd's: `https://10.0.0.1:2379`, `https://[fd00::1]:2379`. */
function ipOf(url: string): string {
  return URL.canParse(url) ? new URL(url).hostname.replace(/^\[(.*)\]$/, '$1') : '';
}

/** What every member says of itself, asked on its own host, held against what the cluster says of its members. */
export async function etcdHealth({ masters, unreached = [], identity, signal }: HealthOptions): Promise<EtcdHealth> {
  const answers = await Promise.all(masters.map((host) => ask(host, identity, signal)));
  signal.throwIfAborted();
  // One that is cut off, or that a restore left out, tells of the past.
  const trusted = [...answers.filter(({ latency }) => latency !== undefined), ...answers];
  const known = trusted.find(({ members }) => members !== undefined)?.members;
  const alarms = trusted.find((answer) => answer.alarms !== undefined)?.alarms ?? [];
  const furthest = answers.reduce((most, { status }) => (status && status.revision > most ? status.revision : most), 0n);
  const seen = new Set<bigint>();

  const members = answers.map((answer): MemberHealth => {
    const { host, status, latency } = answer;
    const member = known?.find(({ id, clientUrls }) =>
      status ? id === status.memberId : clientUrls.some((url) => ipOf(url) === host.address.ip),
    );
    const id = status?.memberId ?? member?.id;
    if (id !== undefined) seen.add(id);
    const own = alarms.filter(({ memberId }) => memberId === id).map(({ alarm }) => alarm);
    const problem = answer.problem ?? problemOf(status, member, known, own);
    return {
      ...describeMember(id, member?.name),
      endpoint: host.name,
      healthy: problem === undefined,
      problem,
      isLeader: status !== undefined && status.leader === status.memberId,
      isLearner: status?.isLearner ?? member?.isLearner ?? false,
      version: status?.version,
      dbSize: status?.dbSize,
      dbSizeInUse: status?.dbSizeInUse,
      revision: status === undefined ? undefined : Number(status.revision),
      lag: status === undefined ? undefined : Number(furthest - status.revision),
      raftTerm: status === undefined ? undefined : Number(status.raftTerm),
      latency,
      alarms: own,
    };
  });
  const absent = (known ?? []).filter(({ id }) => !seen.has(id)).map((member) => absentMember(member, unreached));
  const silent = unreached
    .filter(({ name }) => !absent.some(({ endpoint }) => endpoint === name))
    .map(({ name, why }) => ({ ...unseen, endpoint: name, problem: known === undefined ? why : `no member of etcd; ${why}` }));
  const ids = known?.map(({ id }) => hex(id));
  return summary([...members, ...absent, ...silent], ({ id }) => ids === undefined || (id !== undefined && ids.includes(id)));
}

function problemOf(
  status: EtcdStatus | undefined,
  member: EtcdMember | undefined,
  known: readonly EtcdMember[] | undefined,
  alarms: readonly string[],
): string | undefined {
  if (status?.leader === 0n) return 'it knows no leader';
  if (known !== undefined && member === undefined) return 'it is no member of the cluster that the others form';
  if (alarms.length > 0) return `alarm ${alarms.join(', ')}`;
  return status !== undefined && status.errors.length > 0 ? status.errors.join('; ') : undefined;
}

const unseen = {
  id: undefined,
  name: undefined,
  healthy: false,
  isLeader: false,
  isLearner: false,
  version: undefined,
  dbSize: undefined,
  dbSizeInUse: undefined,
  revision: undefined,
  lag: undefined,
  raftTerm: undefined,
  latency: undefined,
  alarms: [],
} as const;

function describeMember(id: bigint | undefined, name: string | undefined) {
  return { id: id === undefined ? undefined : hex(id), name: name || undefined };
}

function absentMember(member: EtcdMember, unreached: NonNullable<HealthOptions['unreached']>): MemberHealth {
  const host = unreached.find(({ ip }) => [...member.clientUrls, ...member.peerUrls].some((url) => ipOf(url) === ip));
  return {
    ...unseen,
    ...describeMember(member.id, member.name),
    endpoint: host?.name ?? member.clientUrls[0] ?? member.peerUrls[0] ?? '-',
    problem: host?.why ?? (member.name === '' ? 'it has not started yet' : 'it runs on no host of this cluster'),
    isLearner: member.isLearner,
  };
}

/** A host whose etcd is no member, as one that a restore left out, has no vote, and takes none away. */
function summary(members: readonly MemberHealth[], isMember: (member: MemberHealth) => boolean): EtcdHealth {
  const voters = members.filter((member) => !member.isLearner && isMember(member));
  const serving = voters.filter(({ latency }) => latency !== undefined).length;
  const needed = Math.floor(voters.length / 2) + 1;
  return {
    healthy: members.length > 0 && members.every(({ healthy }) => healthy) && members.some(({ isLeader }) => isLeader),
    quorum: serving >= needed,
    tolerance: Math.max(0, serving - needed),
    members,
  };
}
