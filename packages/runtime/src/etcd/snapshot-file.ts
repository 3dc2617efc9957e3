import { createHash, randomBytes } from 'node:crypto';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { badInput, SealosError } from '@sealos/image';

/** A whole snapshot on this machine. */
export interface SnapshotFile {
  readonly path: string;
  /** With the hash at its end. */
  readonly bytes: number;
  /** Hex SHA-256 of the database, which is what the file's last 32 bytes say. */
  readonly sha256: string;
}

/** etcd appends the SHA-256 of the database; the database's own length is a multiple of 512 (etcd: clientv3/snapshot). */
const HASH_BYTES = 32;
/** A bolt database says what it is in its first page, behind a page header of 16 bytes (bbolt: db.go, `magic`), in the machine's byte order. */
const MAGIC_AT = 16;
const MAGIC = 0xed0cdaed;
const READ = 1024 * 1024;

/** Hashes everything but the last 32 bytes, which it keeps, as the bytes come. */
function trailingHash() {
  const hash = createHash('sha256');
  let tail = Buffer.alloc(0);
  let bytes = 0;
  return {
    update(chunk: Uint8Array): void {
      bytes += chunk.length;
      const all = Buffer.concat([tail, chunk]);
      const end = Math.max(0, all.length - HASH_BYTES);
      hash.update(all.subarray(0, end));
      tail = Buffer.from(all.subarray(end));
    },
    /** What was computed where it is what the end of the file says; undefined otherwise. */
    finish(): { readonly bytes: number; readonly sha256: string | undefined } {
      const digest = hash.digest();
      return { bytes, sha256: bytes % 512 === HASH_BYTES && digest.equals(tail) ? digest.toString('hex') : undefined };
    },
  };
}

export interface WriteSnapshotOptions {
  readonly signal: AbortSignal;
  readonly onBytes?: ((received: number) => void) | undefined;
}

/**
 * Writes a snapshot as it comes: under a temporary name (0600), hashed on the way, flushed, and renamed only when its end says what was
 * hashed. Whatever goes wrong, neither name is left.
 */
export async function writeSnapshot(
  path: string,
  chunks: AsyncIterable<Uint8Array>,
  { signal, onBytes }: WriteSnapshotOptions,
): Promise<SnapshotFile> {
  const directory = dirname(path);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const temporary = join(directory, `.${basename(path)}.${randomBytes(6).toString('hex')}`);
  try {
    const file = await open(temporary, 'wx', 0o600);
    const hash = trailingHash();
    let received = 0;
    try {
      for await (const chunk of chunks) {
        signal.throwIfAborted();
        hash.update(chunk);
        await file.writeFile(chunk);
        received += chunk.length;
        onBytes?.(received);
      }
      await file.sync();
    } finally {
      await file.close();
    }
    const { bytes, sha256 } = hash.finish();
    if (sha256 === undefined) {
      throw new SealosError(
        'snapshot-damaged',
        `the snapshot (${bytes} bytes) is not what the hash at its end says: it was cut short or damaged on the way`,
      );
    }
    await rename(temporary, path);
    const entry = await open(directory, 'r');
    try {
      await entry.sync();
    } finally {
      await entry.close();
    }
    return { path, bytes, sha256 };
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Reads a snapshot file through and compares it with the hash at its end. Throws bad input (exit 2) where it is no whole snapshot. */
export async function verifySnapshot(path: string, signal: AbortSignal): Promise<SnapshotFile> {
  const file = await open(path, 'r').catch((cause: unknown) => {
    const why = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT' ? 'there is no such file' : String(cause);
    throw badInput('no-such-file', `${path} cannot be read: ${why}`);
  });
  try {
    const stat = await file.stat();
    if (!stat.isFile()) throw badInput('bad-snapshot', `${path} is not a file`);
    const first = Buffer.alloc(MAGIC_AT + 4);
    await file.read(first, 0, first.length, 0);
    if (first.readUInt32LE(MAGIC_AT) !== MAGIC && first.readUInt32BE(MAGIC_AT) !== MAGIC) {
      throw badInput(
        'bad-snapshot',
        `${path} is not a snapshot of etcd`,
        'give a file that `sealos etcd backup` or `etcdctl snapshot save` wrote',
      );
    }
    if (stat.size % 512 === 0) {
      throw badInput(
        'bad-snapshot',
        `${path} has no hash at its end: it is a copy of a database file, or was cut short`,
        'give a file that `sealos etcd backup` or `etcdctl snapshot save` wrote',
      );
    }
    const hash = trailingHash();
    for await (const chunk of file.createReadStream({ start: 0, highWaterMark: READ, autoClose: false, signal })) hash.update(chunk);
    const { bytes, sha256 } = hash.finish();
    if (sha256 === undefined) {
      throw badInput(
        'bad-snapshot',
        `${path} is damaged: it is not what the hash at its end says`,
        'take another backup; nothing was changed',
      );
    }
    return { path, bytes, sha256 };
  } finally {
    await file.close();
  }
}
