import { pipeline, type Readable, Transform } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { compressedUnits } from './compress-units.ts';
import { badInput, SealosError } from './error.ts';
import type { Compression } from './media-types.ts';

export interface CompressOptions {
  readonly compression: Compression;
  /** zstd 1 to 19 (default 3), gzip 1 to 9 (default 6). */
  readonly level?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Compresses a stream on all cores: units of 4 MiB become independent zstd frames or gzip members, which both formats allow to
 * stand one after another. The result depends on the bytes alone, not on how they were chunked nor on timing.
 */
export async function* compress(source: AsyncIterable<Buffer>, options: CompressOptions): AsyncGenerator<Buffer> {
  const { compression } = options;
  if (compression === 'none') {
    yield* source;
    return;
  }
  for await (const { bytes, release } of compressedUnits(source, { ...options, compression })) {
    const copy = Buffer.from(bytes);
    release();
    yield copy;
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

// Real content stays far below; zeros come to 1000 with gzip and to 10000 and more with zstd.
const INFLATION = 500;
const INFLATE_LIMIT = 8 * 1024 ** 3;

/** `SEALOS_INFLATE_LIMIT` in bytes, default 8 GiB: up to there it does not matter how well something is compressed. Throws `bad-setting` (exit 2). */
function inflateLimit(environment: NodeJS.ProcessEnv = process.env): number {
  const text = environment['SEALOS_INFLATE_LIMIT'];
  if (text === undefined || text === '') return INFLATE_LIMIT;
  if (!/^\d{1,15}$/.test(text)) throw badInput('bad-setting', `SEALOS_INFLATE_LIMIT is '${text}', not a number of bytes`);
  return Number(text);
}

/**
 * The uncompressed bytes; fails with `bad-compression` when they are damaged or cut, or when there are more than `SEALOS_INFLATE_LIMIT` and
 * more than 500 times those that they were compressed to.
 */
export function decompress(source: Readable, compression: Compression): Readable {
  if (compression === 'none') return source;
  const options = { chunkSize: 512 * 1024 };
  const limit = inflateLimit();
  let inflated = 0;
  const inflate = compression === 'gzip' ? createGunzip(options) : createZstdDecompress(options);
  const result = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      inflated += chunk.length;
      if (inflated > limit && inflated > inflate.bytesWritten * INFLATION) done(bomb(compression, inflated));
      else done(null, chunk);
    },
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

function bomb(compression: Compression, bytes: number): SealosError {
  return new SealosError(
    'bad-compression',
    `the ${compression} data inflates to more than ${INFLATION} times its size, ${bytes} bytes and more`,
    {
      hint: 'if you trust it, set SEALOS_INFLATE_LIMIT to the number of bytes that it may have',
    },
  );
}

// zlib's own errors have codes such as Z_BUF_ERROR and ZSTD_error_corruption_detected.
function damaged(error: Error, compression: Compression): Error {
  if (!('code' in error) || !/^(Z_|ZSTD_)/.test(String(error.code))) return error;
  return new SealosError('bad-compression', `the ${compression} data is damaged or cut off: ${error.message}`, { cause: error });
}
