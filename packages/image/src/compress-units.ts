import { constants, gzip, zstdCompress } from 'node:zlib';
import type { CompressOptions } from './compress.ts';
import { compressShared, roomFor, THREADS } from './compress-threads.ts';
import { SealosError } from './error.ts';
import type { Compression } from './media-types.ts';
import { openPlainFile } from './plain-file.ts';
import { fileChanged, requireEnd, type TarFile } from './tar-write.ts';

/** What is compressed as a unit. Part of the format of our layers: another value gives other digests. */
const UNIT = 4 * 1024 * 1024;

/** One unit as it is stored. Its memory is used again after `release`, which has to be called. */
export interface CompressedUnit {
  readonly bytes: Buffer;
  release(): void;
}

export interface UnitOptions extends CompressOptions {
  readonly compression: Exclude<Compression, 'none'>;
  /** Shown each unit before it is compressed, in order. */
  readonly onPlain?: ((unit: Buffer) => void) | undefined;
}

// Memory that is free at the moment, of all streams.
const spare: SharedArrayBuffer[] = [];

/**
 * Cuts a stream into units and compresses them on all cores. Files are read straight into the units' memory, which is bounded and used again and
 * again, so that gigabytes pass without a new allocation.
 */
export async function* compressedUnits(source: AsyncIterable<Buffer | TarFile>, options: UnitOptions): AsyncGenerator<CompressedUnit> {
  const inFlight: Promise<CompressedUnit>[] = [];
  const memories = limitedMemories(THREADS + 3);
  let isFirst = true;
  try {
    for await (const { memory, size } of unitsOf(source, memories.take, options.signal)) {
      options.signal?.throwIfAborted();
      options.onPlain?.(Buffer.from(memory, 0, size));
      const unit = compressUnit(memory, size, isFirst && size < UNIT, options).then((bytes) => ({
        bytes,
        release: () => memories.give(memory),
      }));
      isFirst = false;
      unit.catch(() => {}); // it is awaited in its turn; until then a failure is not unhandled
      inFlight.push(unit);
      const first = inFlight.length > THREADS ? inFlight.shift() : undefined;
      if (first !== undefined) yield await first;
    }
    for (let first = inFlight.shift(); first !== undefined; first = inFlight.shift()) yield await first;
  } finally {
    await Promise.allSettled(inFlight);
  }
}

function limitedMemories(limit: number) {
  let held = 0;
  let wake: (() => void) | undefined;
  return {
    async take(): Promise<SharedArrayBuffer> {
      while (held >= limit) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      held += 1;
      return spare.pop() ?? new SharedArrayBuffer(roomFor(UNIT));
    },
    give(memory: SharedArrayBuffer): void {
      held -= 1;
      if (spare.length < 4 * THREADS) spare.push(memory);
      wake?.();
    },
  };
}

interface PlainUnit {
  readonly memory: SharedArrayBuffer;
  readonly size: number;
}

async function* unitsOf(
  source: AsyncIterable<Buffer | TarFile>,
  take: () => Promise<SharedArrayBuffer>,
  signal: AbortSignal | undefined,
): AsyncGenerator<PlainUnit> {
  let memory: SharedArrayBuffer | undefined;
  let size = 0;
  // The room that is left in the unit that is being filled.
  const room = async (): Promise<Buffer> => {
    memory ??= await take();
    return Buffer.from(memory, size, UNIT - size);
  };
  const full = function* (): Generator<PlainUnit> {
    if (memory === undefined || size < UNIT) return;
    yield { memory, size };
    memory = undefined;
    size = 0;
  };
  for await (const part of source) {
    if (Buffer.isBuffer(part)) {
      for (let at = 0; at < part.length; ) {
        const copied = part.copy(await room(), 0, at);
        at += copied;
        size += copied;
        yield* full();
      }
      continue;
    }
    await using file = await openPlainFile(part.file, part.size);
    for (let left = part.size; left > 0; ) {
      signal?.throwIfAborted();
      const bytes = await file.read((await room()).subarray(0, left));
      if (bytes === 0) throw fileChanged(part.path);
      left -= bytes;
      size += bytes;
      yield* full();
    }
    await requireEnd(file, part.path);
  }
  if (memory !== undefined) yield { memory, size };
}

async function compressUnit(memory: SharedArrayBuffer, size: number, isOnly: boolean, options: UnitOptions): Promise<Buffer> {
  const { compression, level = compression === 'gzip' ? 6 : 3 } = options;
  // For little, a thread would take longer to begin than to do it.
  if (isOnly) return compressHere(Buffer.from(memory, 0, size), compression, level);
  return Buffer.from(memory, 0, await compressShared({ memory, size, compression, level }));
}

function compressHere(unit: Buffer, compression: UnitOptions['compression'], level: number): Promise<Buffer> {
  const chunkSize = roomFor(unit.length);
  return new Promise((resolve, reject) => {
    const done = (error: Error | null, result: Buffer): void => {
      if (error === null) resolve(result);
      else reject(new SealosError('compression-failed', `compressing failed: ${error.message}`, { cause: error }));
    };
    if (compression === 'gzip') gzip(unit, { level, chunkSize }, done);
    else {
      const params = { [constants.ZSTD_c_compressionLevel]: level, [constants.ZSTD_c_checksumFlag]: 1 };
      zstdCompress(unit, { params, chunkSize, pledgedSrcSize: unit.length }, done);
    }
  });
}
