import { SealosError } from '@sealos/image';
import type { Host } from '../host/host.ts';
import { type EtcdClient, openEtcd } from './client.ts';
import type { EtcdIdentity } from './identity.ts';
import type { EtcdStatus } from './messages.ts';
import { type SnapshotFile, writeSnapshot } from './snapshot-file.ts';

export interface TakeSnapshotOptions {
  /** Control-plane hosts; one is enough. */
  readonly masters: readonly Host[];
  readonly identity: EtcdIdentity;
  /** Where the snapshot is to lie. */
  readonly path: string;
  readonly signal: AbortSignal;
  readonly onBytes?: ((received: number) => void) | undefined;
  /** A member that could not be used, and why. */
  readonly warn: (message: string) => void;
}

export interface TakenSnapshot extends SnapshotFile {
  /** The host whose member it was taken from. */
  readonly host: string;
  readonly version: string;
  /** Of the key space just before; the snapshot holds this one or a later. */
  readonly revision: bigint;
}

interface Candidate {
  readonly client: EtcdClient;
  readonly status: EtcdStatus;
  /** It reads through the quorum: what it has is not stale. */
  readonly fresh: boolean;
}

const because = (error: unknown) => (error instanceof Error ? error.message : String(error));

async function candidate(host: Host, identity: EtcdIdentity, signal: AbortSignal): Promise<Candidate> {
  const client = await openEtcd(host, identity, signal);
  try {
    const status = await client.status(signal);
    const fresh = await client.read(signal).then(
      () => true,
      () => false,
    );
    signal.throwIfAborted();
    return { client, status, fresh };
  } catch (error) {
    client[Symbol.dispose]();
    throw error;
  }
}

/** Fresh before stale, followers before the leader, which has enough to do; of stale ones the one that has got furthest. */
function inOrder(one: Candidate, other: Candidate): number {
  const leads = ({ status }: Candidate) => Number(status.leader === status.memberId);
  return (
    Number(other.fresh) - Number(one.fresh) || (one.fresh ? leads(one) - leads(other) : Number(other.status.revision - one.status.revision))
  );
}

/**
 * Takes a snapshot of a cluster's data from a member that is well, and from the next one when that fails. Where no quorum is left, the
 * member that has got furthest gives what it has, with a warning. Throws, with every member's reason, where none can; no file is left then.
 */
export async function takeSnapshot(options: TakeSnapshotOptions): Promise<TakenSnapshot> {
  const { masters, identity, path, signal, onBytes, warn } = options;
  const asked = await Promise.allSettled(masters.map((host) => candidate(host, identity, signal)));
  const candidates = asked.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const failures = asked.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
  try {
    signal.throwIfAborted();
    for (const failure of failures) warn(because(failure));
    for (const { client, status, fresh } of candidates.filter(({ status }) => !status.isLearner).toSorted(inOrder)) {
      const { host } = client;
      if (!fresh) warn(`${host.name}: etcd has no quorum; the snapshot is what this member knows, which may not be the latest`);
      try {
        const file = await writeSnapshot(path, blobs(client, signal), { signal, onBytes });
        return { ...file, host: host.name, version: status.version, revision: status.revision };
      } catch (error) {
        signal.throwIfAborted();
        if (isLocal(error)) throw error;
        failures.push(error);
        warn(because(error));
      }
    }
  } finally {
    for (const { client } of candidates) client[Symbol.dispose]();
  }
  const [first] = failures;
  if (failures.length === 1) throw first;
  throw new SealosError(
    'no-etcd',
    `no member of etcd gives a snapshot:\n${failures.map((failure) => `  ${because(failure)}`).join('\n')}`,
    {
      cause: first,
      hint: 'sealos etcd health shows what each member lacks',
    },
  );
}

/** What this machine's disk refuses, no other member can help with. */
function isLocal(error: unknown): boolean {
  return error instanceof Error && !(error instanceof SealosError) && 'syscall' in error;
}

async function* blobs(client: EtcdClient, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  let remaining: bigint | undefined;
  for await (const { blob, remainingBytes } of client.snapshot(signal)) {
    remaining = remainingBytes;
    yield blob;
  }
  if (remaining === undefined) throw new SealosError('snapshot-damaged', `${client.host.name}: etcd sent an empty snapshot`);
}
