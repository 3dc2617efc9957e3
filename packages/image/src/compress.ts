import { availableParallelism } from 'node:os';
import { pipeline, type Readable, Transform } from 'node:stream';
import { constants, createGunzip, createZstdDecompress, gzip, zstdCompress } from 'node:zlib';
import { SealosError } from './error.ts';
import type { Compression } from './media-types.ts';

export interface CompressOptions {
  readonly compression: Compression;
  /** zstd 1 to 19 (default 3), gzip 1 to 9 (default 6). */
  readonly level?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What is compressed as a unit. Part of the format of our layers: another value gives other digests. */
const UNIT = 4 * 1024 * 1024;

/**
 * Compresses a stream on all cores: units of 4 MiB become independent zstd frames or gzip members, which both formats allow to
 * stand one after another. The result depends on the bytes alone, not on how they were chunked nor on timing.
 */
export async function* compress(source: AsyncIterable<Buffer>, options: CompressOptions): AsyncGenerator<Buffer> {
  if (options.compression === 'none') {
    yield* source;
    return;
  }
  const inFlight: Promise<Buffer>[] = [];
  const limit = availableParallelism() + 1;
  try {
    for await (const unit of unitsOf(source)) {
      options.signal?.throwIfAborted();
      const frame = compressUnit(unit, options);
      frame.catch(() => {}); // it is awaited in its turn; until then a failure is not unhandled
      inFlight.push(frame);
      const first = inFlight.length >= limit ? inFlight.shift() : undefined;
      if (first !== undefined) yield await first;
    }
    for (let first = inFlight.shift(); first !== undefined; first = inFlight.shift()) yield await first;
  } finally {
    await Promise.allSettled(inFlight);
  }
}

/** How a content is compressed, from its first bytes (at least 4). */
export function compressionOf(head: Uint8Array): Compression {
  if (head[0] === 0x1f && head[1] === 0x8b) return 'gzip';
  if (head[0] === 0x28 && head[1] === 0xb5 && head[2] === 0x2f && head[3] === 0xfd) return 'zstd';
  // A skippable frame, as in zstd:chunked and pzstd.
  if (head[0] !== undefined && (head[0] & 0xf0) === 0x50 && head[1] === 0x2a && head[2] === 0x4d && head[3] === 0x18) return 'zstd';
  return 'none';
}

/** The uncompressed bytes; fails with `bad-compression` when they are damaged or cut. */
export function decompress(source: Readable, compression: Compression): Readable {
  if (compression === 'none') return source;
  const options = { chunkSize: 512 * 1024 };
  const inflate = compression === 'gzip' ? createGunzip(options) : createZstdDecompress(options);
  const result = new Transform({
    transform: (chunk, _encoding, done) => done(null, chunk),
    flush(done) {
      // zlib stops at what it takes for the end. Unless the source came to its own end, nobody has verified the whole.
      done(source.readableEnded ? null : new SealosError('bad-compression', `the ${compression} data has something else behind its end`));
    },
  });
  pipeline(source, inflate, () => {}); // an error of the source reaches `inflate`, and from there the reader
  inflate.once('error', (error) => result.destroy(damaged(error, compression)));
  result.once('close', () => inflate.destroy());
  return inflate.pipe(result);
}

// zlib's own errors have codes such as Z_BUF_ERROR and ZSTD_error_corruption_detected.
function damaged(error: Error, compression: Compression): Error {
  if (!('code' in error) || !/^(Z_|ZSTD_)/.test(String(error.code))) return error;
  return new SealosError('bad-compression', `the ${compression} data is damaged or cut off: ${error.message}`, { cause: error });
}

async function* unitsOf(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let gathered: Buffer[] = [];
  let size = 0;
  for await (const whole of source) {
    for (let chunk = whole; chunk.length > 0; ) {
      const part = chunk.subarray(0, UNIT - size);
      chunk = chunk.subarray(part.length);
      gathered.push(part);
      size += part.length;
      if (size < UNIT) continue;
      yield Buffer.concat(gathered, size);
      gathered = [];
      size = 0;
    }
  }
  if (size > 0) yield Buffer.concat(gathered, size);
}

// On libuv's thread pool. The output buffer is as big as the worst case, so that one call into the library does the whole unit.
function compressUnit(unit: Buffer, options: CompressOptions): Promise<Buffer> {
  const chunkSize = unit.length + (unit.length >> 8) + 1024;
  return new Promise((resolve, reject) => {
    const done = (error: Error | null, result: Buffer): void => {
      if (error === null) resolve(result);
      else reject(new SealosError('compression-failed', `compressing failed: ${error.message}`, { cause: error }));
    };
    if (options.compression === 'gzip') {
      gzip(unit, { level: options.level ?? 6, chunkSize }, done);
    } else {
      const params = { [constants.ZSTD_c_compressionLevel]: options.level ?? 3, [constants.ZSTD_c_checksumFlag]: 1 };
      zstdCompress(unit, { params, chunkSize, pledgedSrcSize: unit.length }, done);
    }
  });
}
