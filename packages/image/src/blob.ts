import { createHash } from 'node:crypto';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import type { Digest } from './digest.ts';
import { hexOf } from './digest.ts';
import { FREE_SPACE } from './disk-space.ts';
import { SealosError } from './error.ts';

export interface WrittenBlob {
  readonly digest: Digest;
  readonly size: number;
}

/**
 * One content on its way into the store: a temporary file, hashed while it is written, visible under its digest only after
 * `commit`. Whoever makes one must `commit` or `discard` it.
 */
export interface BlobWriter {
  /** The bytes written so far. */
  readonly size: number;
  /** Takes the chunk over: its memory must not change afterwards, or not before `release` is called, which happens once it is written. */
  write(chunk: Uint8Array, release?: () => void): Promise<void>;
  /** Flushes to the disk; the content is complete, its digest known, but not visible yet. */
  finish(): Promise<WrittenBlob>;
  /** Makes the finished content visible. */
  commit(): Promise<WrittenBlob>;
  /** Removes it, unless committed. Safe to call at any time. */
  discard(): Promise<void>;
  /** The finished content's file, until it is committed or discarded. */
  readonly path: string;
}

// Written this much at a time, while the next is hashed and gathered.
const BATCH = 1024 * 1024;

/** Opens a writer whose temporary file is `path` and whose content ends in the directory `blobs`. */
export async function openBlobWriter(path: string, blobs: string): Promise<BlobWriter> {
  const file = await open(path, 'wx', 0o644).catch((error: unknown) => Promise.reject(diskError(error, path)));
  const hash = createHash('sha256');
  let size = 0;
  let gathered: Uint8Array[] = [];
  let gatheredBytes = 0;
  let releases: (() => void)[] = [];
  let flushing: Promise<unknown> = Promise.resolve();
  let written: WrittenBlob | undefined;
  let state: 'open' | 'closed' | 'gone' = 'open';

  const flush = async (): Promise<void> => {
    const failure = await flushing;
    if (failure !== undefined) throw failure;
    if (gatheredBytes === 0) return;
    const batch = gathered;
    const done = releases;
    gathered = [];
    gatheredBytes = 0;
    releases = [];
    // Never rejects: a failure is thrown by whoever waits next, not as an unhandled rejection.
    flushing = writeWhole(file, batch).then(
      () => {
        for (const release of done) release();
      },
      (error: unknown) => diskError(error, path),
    );
  };
  const finish = async (): Promise<WrittenBlob> => {
    if (written !== undefined) return written;
    await flush();
    await flush();
    await file.sync().catch((error: unknown) => Promise.reject(diskError(error, path)));
    await file.close();
    state = 'closed';
    written = { digest: `sha256:${hash.digest('hex')}`, size };
    return written;
  };
  return {
    path,
    get size() {
      return size;
    },
    async write(chunk, release) {
      hash.update(chunk);
      size += chunk.length;
      gathered.push(chunk);
      gatheredBytes += chunk.length;
      if (release !== undefined) releases.push(release);
      // Memory that somebody waits for is not gathered.
      if (gatheredBytes >= BATCH || release !== undefined) await flush();
    },
    finish,
    async commit() {
      const done = await finish();
      if (state === 'closed') await rename(path, `${blobs}/${hexOf(done.digest)}`);
      state = 'gone';
      return done;
    },
    async discard() {
      await flushing;
      if (state === 'open') await file.close();
      if (state !== 'gone') await rm(path, { force: true });
      state = 'gone';
    },
  };
}

async function writeWhole(file: FileHandle, batch: readonly Uint8Array[]): Promise<void> {
  const { bytesWritten } = await file.writev(batch);
  let done = bytesWritten;
  // A short write happens on a disk that runs full and on some network file systems: the rest is written, or fails with the reason.
  for (const chunk of batch) {
    let at = Math.min(done, chunk.length);
    done -= at;
    while (at < chunk.length) at += (await file.write(chunk, at, chunk.length - at)).bytesWritten;
  }
}

/** A failed write, as the user should read it: a full or read-only disk is named. Other errors pass unchanged. */
export function diskError(error: unknown, path: string): unknown {
  if (!(error instanceof Error) || !('code' in error)) return error;
  const why = { ENOSPC: 'the disk is full', EDQUOT: 'the disk quota is used up', EROFS: 'the disk is read-only', EACCES: 'no permission' };
  const text = Object.entries(why).find(([code]) => code === error.code)?.[1];
  if (text === undefined) return error;
  const full = error.code === 'ENOSPC' || error.code === 'EDQUOT';
  return new SealosError(full ? 'disk-full' : 'disk-refused', `cannot write ${path}: ${text}`, {
    cause: error,
    hint: full ? FREE_SPACE : undefined,
  });
}
