// etcd's own messages (etcd: api/etcdserverpb/rpc.proto), the fields of them that are read here. Numbers are 64 bits wide: ids use all.
import { bytesIn, decodeMessage, encodeMessage, type Field, numberIn, stringsIn } from './wire.ts';

export interface EtcdStatus {
  readonly memberId: bigint;
  readonly version: string;
  /** Bytes of the database file, and how many of them hold something. */
  readonly dbSize: number;
  readonly dbSizeInUse: number;
  /** Id of the leader that this member knows, 0n for none. */
  readonly leader: bigint;
  readonly raftTerm: bigint;
  readonly raftIndex: bigint;
  readonly raftAppliedIndex: bigint;
  /** Of the key space. */
  readonly revision: bigint;
  readonly isLearner: boolean;
  /** What the member itself complains of. */
  readonly errors: readonly string[];
}

export interface EtcdMember {
  readonly id: bigint;
  /** Empty for a member that has not started yet. */
  readonly name: string;
  readonly peerUrls: readonly string[];
  readonly clientUrls: readonly string[];
  readonly isLearner: boolean;
}

export interface EtcdAlarm {
  readonly memberId: bigint;
  readonly alarm: 'NOSPACE' | 'CORRUPT' | 'UNKNOWN';
}

export interface SnapshotChunk {
  readonly remainingBytes: bigint;
  readonly blob: Uint8Array;
}

function headerOf(fields: readonly Field[]): { readonly memberId: bigint; readonly revision: bigint; readonly raftTerm: bigint } {
  const header = decodeMessage(bytesIn(fields, 1).at(-1) ?? new Uint8Array());
  return { memberId: numberIn(header, 2), revision: numberIn(header, 3), raftTerm: numberIn(header, 4) };
}

export function decodeStatus(bytes: Uint8Array): EtcdStatus {
  const fields = decodeMessage(bytes);
  const { memberId, revision } = headerOf(fields);
  return {
    memberId,
    revision,
    version: stringsIn(fields, 2).at(-1) ?? '',
    dbSize: Number(numberIn(fields, 3)),
    leader: numberIn(fields, 4),
    raftIndex: numberIn(fields, 5),
    raftTerm: numberIn(fields, 6),
    raftAppliedIndex: numberIn(fields, 7),
    errors: stringsIn(fields, 8),
    dbSizeInUse: Number(numberIn(fields, 9)),
    isLearner: numberIn(fields, 10) !== 0n,
  };
}

export function decodeMembers(bytes: Uint8Array): readonly EtcdMember[] {
  return bytesIn(decodeMessage(bytes), 2).map((member) => {
    const fields = decodeMessage(member);
    return {
      id: numberIn(fields, 1),
      name: stringsIn(fields, 2).at(-1) ?? '',
      peerUrls: stringsIn(fields, 3),
      clientUrls: stringsIn(fields, 4),
      isLearner: numberIn(fields, 5) !== 0n,
    };
  });
}

const alarmNames: Readonly<Record<string, EtcdAlarm['alarm']>> = { '1': 'NOSPACE', '2': 'CORRUPT' };

export function decodeAlarms(bytes: Uint8Array): readonly EtcdAlarm[] {
  return bytesIn(decodeMessage(bytes), 2).map((alarm) => {
    const fields = decodeMessage(alarm);
    return { memberId: numberIn(fields, 1), alarm: alarmNames[String(numberIn(fields, 2))] ?? 'UNKNOWN' };
  });
}

export function decodeSnapshotChunk(bytes: Uint8Array): SnapshotChunk {
  const fields = decodeMessage(bytes);
  return { remainingBytes: numberIn(fields, 2), blob: bytesIn(fields, 3).at(-1) ?? new Uint8Array() };
}

/** A request without any field: SnapshotRequest, StatusRequest, MemberListRequest, AlarmRequest (GET, of all members), DefragmentRequest. */
export const emptyRequest = new Uint8Array();

/** RangeRequest of one key. Its answer needs a quorum: it is how etcdctl, too, finds out whether a cluster serves. */
export function rangeRequest(key: string): Buffer {
  return encodeMessage([{ number: 1, value: Buffer.from(key) }]);
}

export function memberRemoveRequest(id: bigint): Buffer {
  return encodeMessage([{ number: 1, value: id }]);
}

/** AlarmRequest that takes an alarm back (action DEACTIVATE = 2). */
export function disarmRequest({ memberId, alarm }: EtcdAlarm): Buffer {
  return encodeMessage([
    { number: 1, value: 2n },
    { number: 2, value: memberId },
    { number: 3, value: alarm === 'CORRUPT' ? 2n : 1n },
  ]);
}
