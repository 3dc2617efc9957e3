import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { Digest } from '../digest.ts';

/** What hashing a file came to. Device and inode tell the file apart from one that took its name later. */
export type HashedFile =
  | { readonly kind: 'hashed'; readonly digest: Digest; readonly size: number; readonly identity: string }
  | { readonly kind: 'failed'; readonly code: string };

// Plain JavaScript in a string: a worker has no other file to start from inside a single executable.
const PROGRAM = `
const { parentPort } = require('node:worker_threads');
const { createHash } = require('node:crypto');
const fs = require('node:fs');
const buffer = Buffer.allocUnsafe(1024 * 1024);
const hashed = (path) => {
  // A pipe that was put in the place of a blob must not be waited for.
  const file = fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW | fs.constants.O_NONBLOCK);
  try {
    const { dev, ino } = fs.fstatSync(file);
    const hash = createHash('sha256');
    let size = 0;
    for (let count = fs.readSync(file, buffer); count > 0; count = fs.readSync(file, buffer)) {
      hash.update(buffer.subarray(0, count));
      size += count;
    }
    return { kind: 'hashed', digest: 'sha256:' + hash.digest('hex'), size, identity: dev + ':' + ino };
  } finally {
    fs.closeSync(file);
  }
};
parentPort.on('message', ({ path }) => {
  try {
    parentPort.postMessage(hashed(path));
  } catch (error) {
    parentPort.postMessage({ kind: 'failed', code: error.code ?? 'EIO' });
  }
});`;

// A worker takes some 50 ms to start, in which one hashes this much.
const WORTH_A_WORKER = 64 * 1024 * 1024;

/** The sha256 of files of `bytes` in all, on as many cores as are worth it, 1 MiB of each in memory at a time. Tells each result as it comes. */
export async function hashFiles(
  paths: readonly string[],
  bytes: number,
  onHashed: (path: string, file: HashedFile) => void,
  signal?: AbortSignal,
): Promise<void> {
  signal?.throwIfAborted();
  const queue = paths[Symbol.iterator]();
  const length = Math.min(availableParallelism(), paths.length, Math.ceil((bytes + 1) / WORTH_A_WORKER));
  const workers = Array.from({ length }, () => new Worker(PROGRAM, { eval: true }));
  try {
    await Promise.all(workers.map((worker) => workThrough(worker, queue, onHashed, signal)));
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
  signal?.throwIfAborted();
}

function workThrough(
  worker: Worker,
  queue: Iterator<string>,
  onHashed: (path: string, file: HashedFile) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let path = '';
    const next = (): void => {
      const item = queue.next();
      if (item.done === true) {
        resolve();
        return;
      }
      path = item.value;
      worker.postMessage({ path });
    };
    worker.on('message', (file: HashedFile) => {
      onHashed(path, file);
      next();
    });
    worker.once('error', reject);
    signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
    next();
  });
}
