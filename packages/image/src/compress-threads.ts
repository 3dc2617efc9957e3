import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { SealosError } from './error.ts';
import type { Compression } from './media-types.ts';

/** More would only want more memory: reading and hashing in one thread are no faster than so many. */
const MOST = 8;
export const THREADS = Math.min(availableParallelism(), MOST);

export interface CompressWork {
  readonly memory: SharedArrayBuffer;
  /** How many bytes at its beginning are to be compressed. */
  readonly size: number;
  readonly compression: Exclude<Compression, 'none'>;
  readonly level: number;
}

interface Thread {
  readonly worker: Worker;
  readonly waiting: { resolve(size: number): void; reject(error: unknown): void }[];
}

const threads: Thread[] = [];

/**
 * Compresses what is in shared memory, on another thread, into that same memory, which has to have room for the worst case (`roomFor`). Returns
 * the compressed size. Threads begin with the first work and do not keep the process alive.
 */
export function compressShared(work: CompressWork): Promise<number> {
  const thread = idlest();
  return new Promise((resolve, reject) => {
    thread.waiting.push({ resolve, reject });
    thread.worker.ref();
    thread.worker.postMessage(work);
  });
}

/** The most bytes that so many can become: both formats store what does not get smaller, in blocks with headers. */
export const roomFor = (size: number): number => size + (size >> 8) + 1024;

function idlest(): Thread {
  const best = [...threads].sort((a, b) => a.waiting.length - b.waiting.length)[0];
  if (best !== undefined && (best.waiting.length === 0 || threads.length >= THREADS)) return best;
  // From text, not from a file: the released program is one file.
  const worker = new Worker(`(${compressForever})()`, { eval: true, resourceLimits: { maxYoungGenerationSizeMb: 2 } });
  const thread: Thread = { worker, waiting: [] };
  const fail = (error: unknown) => {
    threads.splice(threads.indexOf(thread), 1);
    for (const { reject } of thread.waiting.splice(0))
      reject(new SealosError('compression-failed', 'compressing failed', { cause: error }));
  };
  worker.on('message', (answer: number | string) => {
    const work = thread.waiting.shift();
    if (thread.waiting.length === 0) worker.unref();
    if (typeof answer === 'number') work?.resolve(answer);
    else work?.reject(new SealosError('compression-failed', `compressing failed: ${answer}`));
  });
  worker.once('error', fail);
  worker.once('exit', (status) => fail(new Error(`its thread ended (${status})`)));
  threads.push(thread);
  return thread;
}

// The thread's whole program: it sees nothing of this module.
function compressForever(): void {
  const { parentPort } = process.getBuiltinModule('node:worker_threads');
  const { constants, gzipSync, zstdCompressSync } = process.getBuiltinModule('node:zlib');
  const { ZSTD_c_checksumFlag, ZSTD_c_compressionLevel } = constants;
  const PIECE = 16 * 1024;
  // Given back at once: left to the collector, tens of megabytes of them would lie about. Only memory that is an output's alone.
  const free = ({ buffer }: Buffer, size: number): void => {
    if (buffer instanceof ArrayBuffer && buffer.byteLength === size) buffer.transfer(0);
  };
  // Noise (what is compressed or encrypted already) and mere repetition become as small with the fastest level, several times as fast. Looked
  // for in eight places; the answer is in the bytes alone, so that the same unit is the same frame everywhere.
  const isEasy = (input: Buffer): boolean => {
    for (let place = 0; place < 8; place += 1) {
      const at = Math.floor((input.length / 8) * place);
      const piece = input.subarray(at, at + PIECE);
      const output = zstdCompressSync(piece, { params: { [ZSTD_c_compressionLevel]: 1 }, chunkSize: 2 * PIECE, pledgedSrcSize: PIECE });
      const share = output.length / piece.length;
      free(output, 2 * PIECE);
      if (share > 0.1 && share < 0.95) return false;
    }
    return true;
  };
  parentPort?.on('message', ({ memory, size, compression, level }: CompressWork) => {
    try {
      const input = Buffer.from(memory, 0, size);
      const chunkSize = memory.byteLength;
      const effort = compression === 'zstd' && input.length > 16 * PIECE && isEasy(input) ? 1 : level;
      const params = { [ZSTD_c_compressionLevel]: effort, [ZSTD_c_checksumFlag]: 1 };
      const output =
        compression === 'gzip'
          ? gzipSync(input, { level, chunkSize })
          : zstdCompressSync(input, { params, chunkSize, pledgedSrcSize: size });
      output.copy(Buffer.from(memory));
      const { length } = output;
      free(output, chunkSize);
      parentPort.postMessage(length);
    } catch (error) {
      parentPort.postMessage(String(error));
    }
  });
}
