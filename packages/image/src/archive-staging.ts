import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path/posix';
import type { BlobWriter } from './blob.ts';
import { compressionOf, decompress } from './compress.ts';
import type { ContentOptions, OnTransfer } from './content.ts';
import { type Digest, isDigest } from './digest.ts';
import { requireSpace } from './disk-space.ts';
import { badInput } from './error.ts';
import { stageLayer } from './layer.ts';
import type { Descriptor } from './manifest.ts';
import { OCI_LAYER, OCI_LAYER_GZIP, OCI_LAYER_ZSTD } from './media-types.ts';
import { shownName } from './shown-name.ts';
import type { Store } from './store.ts';
import { type ByteInput, readTar, type TarItem } from './tar-read.ts';

/** What an archive held, by path, read in one pass: complete and verified, but not yet visible in the store. */
export interface Staging extends AsyncDisposable {
  /** A small file that is not a blob; undefined when there is none. */
  document(path: string): Promise<Buffer | undefined>;
  /** A blob of an OCI layout by digest: its size, undefined when the archive has none. */
  blob(digest: Digest): number | undefined;
  /** A blob's bytes, for manifests and configs. */
  readBlob(digest: Digest): Promise<Buffer>;
  /** A layer of a docker-archive: compressed as it will be stored. */
  layer(path: string): Promise<{ readonly descriptor: Descriptor; readonly diffId: Digest } | undefined>;
  /** Adds a blob that was a plain file in the archive. */
  add(content: Buffer): Promise<void>;
  /** Makes a blob visible in the store. */
  commit(digest: Digest): Promise<void>;
}

export interface StagingOptions extends ContentOptions {
  readonly onEvent?: OnTransfer | undefined;
}

interface StagedLayer {
  readonly descriptor: Descriptor;
  readonly diffId: Digest;
}

// Documents are kept in memory until the end, when it is known what they are.
const DOCUMENT_LIMIT = 1024 * 1024;
const DOCUMENTS_LIMIT = 64 * 1024 * 1024;

/** Reads an image archive, of either kind and in any order of its entries, into temporary files of the store. */
export async function stageArchive(store: Store, input: ByteInput, options: StagingOptions): Promise<Staging> {
  const documents = new Map<string, Buffer>();
  const links = new Map<string, string>();
  const layers = new Map<string, StagedLayer>();
  const blobs = new Map<string, { readonly size: number; readonly writer: BlobWriter | undefined }>();
  const writers: BlobWriter[] = [];
  let documentBytes = 0;

  const takeBlob = async (item: TarItem, digest: Digest): Promise<void> => {
    const { size } = item.header;
    if (blobs.has(digest)) return;
    if (await store.hasBlob(digest, size)) {
      blobs.set(digest, { size, writer: undefined });
      return;
    }
    await requireSpace(store.path, size, digest.slice(0, 19));
    const writer = await store.createBlob();
    writers.push(writer);
    for await (const chunk of item.content()) await writer.write(chunk);
    const written = await writer.finish();
    if (written.digest !== digest)
      throw badInput('content-mismatch', `its ${digest.slice(0, 19)} has another content`, 'copy or download it again');
    blobs.set(digest, { size, writer });
  };
  const takeLayer = async (path: string, content: AsyncIterable<Buffer>): Promise<StagedLayer> => {
    const staged = await stageDockerLayer(store, content, options.signal);
    writers.push(staged.writer);
    blobs.set(staged.descriptor.digest, { size: staged.descriptor.size, writer: staged.writer });
    layers.set(path, staged);
    return staged;
  };
  const take = async (item: TarItem): Promise<void> => {
    const { path, type, size, linkname } = item.header;
    if (type === 'symlink') links.set(path, normalize(join(dirname(path), linkname ?? '')));
    if (type === 'hardlink') links.set(path, linkname ?? '');
    if (type !== 'file') return;
    const digest = digestOfPath(path);
    if ((path === 'index.json' || path === 'manifest.json') && size > 4 * DOCUMENT_LIMIT)
      throw badInput('bad-archive', `its ${path} is bigger than 4 MiB`);
    if (digest === undefined && size <= (path.endsWith('.json') ? 4 * DOCUMENT_LIMIT : DOCUMENT_LIMIT)) {
      documentBytes += size;
      if (documentBytes > DOCUMENTS_LIMIT) throw badInput('bad-archive', 'it holds too many small files to be an image archive');
      const chunks: Buffer[] = [];
      for await (const chunk of item.content()) chunks.push(chunk);
      documents.set(path, Buffer.concat(chunks));
      return;
    }
    options.onEvent?.({ kind: 'start', id: path, title: shownName(path.slice(path.lastIndexOf('/') + 1)).slice(0, 12), bytes: size });
    const watched: TarItem = { ...item, content: () => counted(item, path, options) };
    if (digest !== undefined) await takeBlob(watched, digest);
    else await takeLayer(path, watched.content());
    options.onEvent?.({ kind: 'done', id: path });
  };
  const follow = (path: string): string => {
    let at = normalize(path);
    for (let steps = 0; steps < 8 && links.has(at); steps++) at = links.get(at) ?? at;
    return at;
  };
  const staging: Staging = {
    document: async (path) => {
      const digest = digestOfPath(follow(path));
      return digest !== undefined && blobs.has(digest) ? staging.readBlob(digest) : documents.get(follow(path));
    },
    blob: (digest) => blobs.get(digest)?.size,
    readBlob: async (digest) => readFile(blobs.get(digest)?.writer?.path ?? store.blobPath(digest)),
    async layer(path) {
      const at = follow(path);
      const digest = digestOfPath(at);
      const size = digest === undefined ? undefined : blobs.get(digest)?.size;
      if (digest !== undefined && size !== undefined) return { descriptor: { mediaType: OCI_LAYER, digest, size }, diffId: digest };
      const small = layers.has(at) ? undefined : documents.get(at);
      return small === undefined ? layers.get(at) : takeLayer(at, one(small));
    },
    async add(content) {
      const writer = await store.createBlob();
      writers.push(writer);
      await writer.write(content);
      const { digest, size } = await writer.finish();
      blobs.set(digest, { size, writer });
    },
    async commit(digest) {
      const writer = blobs.get(digest)?.writer;
      if (writer !== undefined) await store.commit(writer);
    },
    async [Symbol.asyncDispose]() {
      for (const writer of writers) await writer.discard();
    },
  };
  try {
    for await (const item of readTar(input)) {
      options.signal?.throwIfAborted();
      await take(item);
    }
    return staging;
  } catch (error) {
    await staging[Symbol.asyncDispose]();
    throw error;
  }
}

/** The digest that a path in an OCI layout means; undefined for any other path. */
export function digestOfPath(path: string): Digest | undefined {
  const digest = `sha256:${/^blobs\/sha256\/([0-9a-f]{64})$/.exec(path)?.[1] ?? ''}`;
  return isDigest(digest) ? digest : undefined;
}

// Usually plain tars, which are compressed on the way; some tools (ko, crane) put gzip in, which is stored as it is.
async function stageDockerLayer(
  store: Store,
  content: AsyncIterable<Buffer>,
  signal: AbortSignal | undefined,
): Promise<StagedLayer & { readonly writer: BlobWriter }> {
  const chunks = content[Symbol.asyncIterator]();
  let head: Buffer = Buffer.alloc(0);
  for (
    let next = await chunks.next();
    next.done !== true;
    next = head.length < 4 ? await chunks.next() : { done: true, value: undefined }
  ) {
    head = Buffer.concat([head, next.value]);
  }
  const whole = async function* (): AsyncGenerator<Buffer> {
    yield head;
    yield* { [Symbol.asyncIterator]: () => chunks };
  };
  const compression = compressionOf(head);
  if (compression === 'none') return stageLayer(store, whole(), { signal });
  const writer = await store.createBlob();
  try {
    for await (const chunk of whole()) await writer.write(chunk);
    const { digest, size } = await writer.finish();
    const hash = createHash('sha256');
    for await (const chunk of decompress(createReadStream(writer.path, { highWaterMark: 1024 * 1024 }), compression)) hash.update(chunk);
    const mediaType = compression === 'gzip' ? OCI_LAYER_GZIP : OCI_LAYER_ZSTD;
    return { descriptor: { mediaType, digest, size }, diffId: `sha256:${hash.digest('hex')}`, writer };
  } catch (error) {
    await writer.discard();
    throw error;
  }
}

async function* counted(item: TarItem, id: string, options: StagingOptions): AsyncGenerator<Buffer> {
  let bytes = 0;
  for await (const chunk of item.content()) {
    options.signal?.throwIfAborted();
    bytes += chunk.length;
    yield chunk;
    options.onEvent?.({ kind: 'progress', id, bytes });
  }
}

async function* one(content: Buffer): AsyncGenerator<Buffer> {
  yield content;
}
