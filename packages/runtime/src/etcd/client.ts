import { isIPv6 } from 'node:net';
import { SealosError } from '@sealos/image';
import { HostError } from '../error.ts';
import type { Host } from '../host/host.ts';
import type { EtcdIdentity } from './identity.ts';
import {
  decodeAlarms,
  decodeMembers,
  decodeSnapshotChunk,
  decodeStatus,
  disarmRequest,
  type EtcdAlarm,
  type EtcdMember,
  type EtcdStatus,
  emptyRequest,
  memberRemoveRequest,
  rangeRequest,
  type SnapshotChunk,
} from './messages.ts';
import { openRpc, type RpcConnection } from './rpc.ts';

/** etcd's API on one control-plane host, spoken through the connection to that host. */
export interface EtcdClient extends Disposable {
  readonly host: Host;
  /** What this member knows of itself; needs no quorum. */
  status(signal: AbortSignal): Promise<EtcdStatus>;
  /** Needs a quorum (etcd 3.5 and newer answer after a round through it). */
  members(signal: AbortSignal): Promise<readonly EtcdMember[]>;
  alarms(signal: AbortSignal): Promise<readonly EtcdAlarm[]>;
  /** Milliseconds that a read through the quorum took. Throws where there is none. */
  read(signal: AbortSignal): Promise<number>;
  /** The database, then the SHA-256 (32 bytes) of it. */
  snapshot(signal: AbortSignal): AsyncIterable<SnapshotChunk>;
  /** Gives free space in this member's file back. It serves nothing meanwhile. */
  defragment(signal: AbortSignal): Promise<void>;
  disarm(alarm: EtcdAlarm, signal: AbortSignal): Promise<void>;
  removeMember(id: bigint, signal: AbortSignal): Promise<void>;
}

/** kubeadm's port of etcd for clients. */
const PORT = 2379;
const ANSWER = 10_000;
/** A snapshot begins when the whole database lies in memory there; a defragmentation answers when all of it was written anew. */
const LONG = 120_000;

/** Connects to etcd on a control-plane host. Throws HostError that names it. */
export async function openEtcd(host: Host, identity: EtcdIdentity, signal: AbortSignal): Promise<EtcdClient> {
  const socket = await host.dial(isIPv6(host.address.ip) ? '::1' : '127.0.0.1', PORT, { title: 'connecting to etcd', signal });
  const rpc = await openRpc(socket, identity, signal).catch((error: unknown) => {
    signal.throwIfAborted();
    throw named(host, 'connecting to etcd', error);
  });
  return clientOf(host, rpc);
}

function named(host: Host, title: string, error: unknown): unknown {
  if (!(error instanceof SealosError) || error instanceof HostError) return error;
  return new HostError(error.code, `etcd: ${title}: ${error.message}`, { host: host.name, title, cause: error });
}

function clientOf(host: Host, rpc: RpcConnection): EtcdClient {
  const call = async (title: string, method: string, request: Uint8Array, signal: AbortSignal, stall = ANSWER): Promise<Uint8Array> => {
    try {
      return await rpc.call(method, request, { signal, stall });
    } catch (error) {
      throw named(host, title, error);
    }
  };
  return {
    host,
    status: async (signal) => decodeStatus(await call('asking for its state', 'Maintenance/Status', emptyRequest, signal)),
    members: async (signal) => decodeMembers(await call('asking for the members', 'Cluster/MemberList', emptyRequest, signal)),
    alarms: async (signal) => decodeAlarms(await call('asking for alarms', 'Maintenance/Alarm', emptyRequest, signal)),
    async read(signal) {
      const started = performance.now();
      await call('reading through the quorum', 'KV/Range', rangeRequest('health'), signal);
      return performance.now() - started;
    },
    async *snapshot(signal) {
      try {
        const messages = rpc.stream('Maintenance/Snapshot', emptyRequest, { signal, stall: LONG });
        for await (const message of messages) yield decodeSnapshotChunk(message);
      } catch (error) {
        throw named(host, 'taking a snapshot', error);
      }
    },
    async defragment(signal) {
      await call('defragmenting', 'Maintenance/Defragment', emptyRequest, signal, LONG);
    },
    async disarm(alarm, signal) {
      await call('taking the alarm back', 'Maintenance/Alarm', disarmRequest(alarm), signal);
    },
    async removeMember(id, signal) {
      await call('removing a member', 'Cluster/MemberRemove', memberRemoveRequest(id), signal);
    },
    [Symbol.dispose]: () => rpc[Symbol.dispose](),
  };
}
