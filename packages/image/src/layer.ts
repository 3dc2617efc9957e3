import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { BlobWriter } from './blob.ts';
import { decompress } from './compress.ts';
import { compressedUnits } from './compress-units.ts';
import type { Digest } from './digest.ts';
import { badInput } from './error.ts';
import type { Descriptor } from './manifest.ts';
import { type Compression, DOCKER_LAYER, DOCKER_LAYER_GZIP, OCI_LAYER, OCI_LAYER_GZIP, OCI_LAYER_ZSTD } from './media-types.ts';
import { shownName } from './shown-name.ts';
import type { Store } from './store.ts';
import type { TarEntry } from './tar.ts';
import { readTarFile, type TarFile, tarParts } from './tar-write.ts';

export interface WriteLayerOptions {
  /** Default zstd. */
  readonly compression?: Compression | undefined;
  /** zstd 1 to 19 (default 3), gzip 1 to 9 (default 6). */
  readonly level?: number | undefined;
  /** Later times of entries become this one: seconds since 1970, usually `SOURCE_DATE_EPOCH`. */
  readonly latest?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Told the tar bytes done so far. */
  readonly onProgress?: ((bytes: number) => void) | undefined;
}

export interface WrittenLayer {
  readonly descriptor: Descriptor;
  /** The digest of the uncompressed tar, for the config's `rootfs.diff_ids`. */
  readonly diffId: Digest;
  readonly uncompressedBytes: number;
}

const MEDIA_TYPES: Readonly<Record<Compression, string>> = { none: OCI_LAYER, gzip: OCI_LAYER_GZIP, zstd: OCI_LAYER_ZSTD };

/**
 * Writes entries as one layer into the store: tar, hashed, compressed on all cores, hashed and stored in one pass, in constant
 * memory. Entries stay in the order given, which the caller sorts; times are cut to whole seconds. Same entries, same digest.
 */
export async function writeLayer(
  store: Store,
  entries: AsyncIterable<TarEntry> | Iterable<TarEntry>,
  options: WriteLayerOptions = {},
): Promise<WrittenLayer> {
  return storeLayer(store, tarParts(withTimes(entries, options.latest)), options);
}

/** Stores an uncompressed tar as a layer, compressing it on the way. */
export async function storeLayer(
  store: Store,
  tar: AsyncIterable<Buffer | TarFile>,
  options: WriteLayerOptions = {},
): Promise<WrittenLayer> {
  const { writer, ...layer } = await stageLayer(store, tar, options);
  await store.commit(writer);
  return layer;
}

/** As `storeLayer`, but not visible yet: the caller commits or discards the writer. */
export async function stageLayer(
  store: Store,
  tar: AsyncIterable<Buffer | TarFile>,
  options: WriteLayerOptions = {},
): Promise<WrittenLayer & { readonly writer: BlobWriter }> {
  const compression = options.compression ?? 'zstd';
  const writer = await store.createBlob();
  try {
    const plain =
      compression === 'none' ? await writePlain(writer, tar, options) : await writeCompressed(writer, tar, { ...options, compression });
    const { digest, size } = await writer.finish();
    const { diffId = digest, uncompressedBytes } = plain;
    return { descriptor: { mediaType: MEDIA_TYPES[compression], digest, size }, diffId, uncompressedBytes, writer };
  } catch (error) {
    await writer.discard();
    throw error;
  }
}

type Plain = Pick<WrittenLayer, 'uncompressedBytes'> & { readonly diffId?: Digest };

async function writePlain(writer: BlobWriter, tar: AsyncIterable<Buffer | TarFile>, options: WriteLayerOptions): Promise<Plain> {
  for await (const part of tar) {
    for await (const chunk of Buffer.isBuffer(part) ? [part] : readTarFile(part)) {
      options.signal?.throwIfAborted();
      await writer.write(chunk);
      options.onProgress?.(writer.size);
    }
  }
  return { uncompressedBytes: writer.size };
}

// Copied where little is left of much: memory of a whole unit is not kept for it.
const LITTLE = 256 * 1024;

async function writeCompressed(
  writer: BlobWriter,
  tar: AsyncIterable<Buffer | TarFile>,
  options: WriteLayerOptions & { readonly compression: 'gzip' | 'zstd' },
): Promise<Plain> {
  const hash = createHash('sha256');
  let uncompressedBytes = 0;
  const onPlain = (unit: Buffer): void => {
    hash.update(unit);
    uncompressedBytes += unit.length;
    options.onProgress?.(uncompressedBytes);
  };
  for await (const { bytes, release } of compressedUnits(tar, { ...options, onPlain })) {
    if (bytes.length >= LITTLE) await writer.write(bytes, release);
    else {
      await writer.write(Buffer.from(bytes));
      release();
    }
  }
  return { uncompressedBytes, diffId: `sha256:${hash.digest('hex')}` };
}

/** A layer's tar, from its blob's bytes. Fails with `bad-compression` when they are damaged, or inflate without measure. */
export function layerBytes(blob: Readable, { mediaType }: Descriptor): Readable {
  return decompress(blob, compressionOfLayer(mediaType));
}

/** How a layer's blob is compressed, by its media type. Throws `bad-content` for media types that are no layer. */
export function compressionOfLayer(mediaType: string): Compression {
  if (mediaType === OCI_LAYER_ZSTD) return 'zstd';
  if (mediaType === OCI_LAYER_GZIP || mediaType === DOCKER_LAYER_GZIP) return 'gzip';
  if (mediaType === OCI_LAYER || mediaType === DOCKER_LAYER) return 'none';
  // Layers that may not be distributed (foreign ones of Windows) have the same forms.
  if (/^application\/vnd\.(oci\.image\.layer\.nondistributable\.v1|docker\.image\.rootfs\.foreign\.diff)\.tar/.test(mediaType)) {
    return mediaType.endsWith('gzip') ? 'gzip' : mediaType.endsWith('zstd') ? 'zstd' : 'none';
  }
  throw badInput('bad-content', `'${shownName(mediaType)}' is not an image layer that can be read`);
}

/** `SOURCE_DATE_EPOCH` (reproducible-builds.org) as seconds; undefined when unset. Throws `bad-source-date` (exit 2). */
export function sourceDate(environment: NodeJS.ProcessEnv = process.env): number | undefined {
  const text = environment['SOURCE_DATE_EPOCH'];
  if (text === undefined || text === '') return undefined;
  if (!/^\d{1,11}$/.test(text)) throw badInput('bad-source-date', `SOURCE_DATE_EPOCH is '${text}', not a number of seconds`);
  return Number(text);
}

async function* withTimes(entries: AsyncIterable<TarEntry> | Iterable<TarEntry>, latest: number | undefined): AsyncGenerator<TarEntry> {
  for await (const entry of entries) {
    const mtime = Math.floor(latest === undefined ? entry.mtime : Math.min(entry.mtime, latest));
    yield mtime === entry.mtime ? entry : { ...entry, mtime };
  }
}
