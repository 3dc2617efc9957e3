import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { CONTAINERD_NAME } from './archive.ts';
import { syncDirectory } from './atomic.ts';
import { diskError } from './blob.ts';
import type { ContentOptions, OnTransfer } from './content.ts';
import { type Digest, hexOf } from './digest.ts';
import { badInput, SealosError } from './error.ts';
import { openImage } from './image.ts';
import { type ImageTree, pick, readTree } from './image-tree.ts';
import { layerFiles, openLayer, requireDiffId } from './layer-files.ts';
import type { Descriptor, Platform } from './manifest.ts';
import { OCI_INDEX } from './media-types.ts';
import { formatReference, type Reference } from './reference.ts';
import { type SavedBlob, type SavedTree, uncompressedTree } from './save-uncompressed.ts';
import type { Store } from './store.ts';
import { REF_NAME } from './store-index.ts';
import type { TarEntry } from './tar.ts';
import { writeTar } from './tar-write.ts';
import { temporary } from './temporary.ts';
import { ARCHIVED_ATTACHMENTS, attachedTo } from './trust/archived.ts';
import { verified } from './verify.ts';

export type ArchiveFormat = 'oci-archive' | 'docker-archive';

export interface SaveOptions extends ContentOptions {
  /** Default oci-archive, which keeps digests and compression. A docker-archive holds uncompressed layers. */
  readonly format?: ArchiveFormat | undefined;
  /** Out of an index, one platform's image (default: this machine's) or, as oci-archive, all of it. */
  readonly platform?: Platform | 'all' | undefined;
  /** Of an OCI form: with layers that are not compressed, which gives the image other digests. */
  readonly uncompressed?: boolean | undefined;
  readonly onEvent?: OnTransfer | undefined;
}

/**
 * Saves images of the store as one archive: into a file, which appears when it is complete, or onto a stream. Everything is
 * verified on its way; the same images give the same bytes. Throws `image-not-found` (exit 2) before anything is written.
 */
export async function saveArchive(
  store: Store,
  references: readonly Reference[],
  output: string | Writable,
  options: SaveOptions = {},
): Promise<void> {
  if (references.length === 0) throw badInput('no-image', 'no image is named');
  const entries =
    options.format === 'docker-archive' ? await dockerEntries(store, references, options) : await layoutEntries(store, references, options);
  entries.sort((a, b) => (a.path < b.path ? -1 : 1));
  const tar = gathered(writeTar(entries.map((entry) => watched(entry, options.onEvent))));
  if (typeof output === 'string') await writeFile(output, tar, options.signal);
  else await pipeline(Readable.from(tar, { objectMode: false }), output, { signal: options.signal, end: false });
}

export const COMMON = { uid: 0, gid: 0, mtime: 0 } as const;

export function fileEntry(path: string, size: number, content: NonNullable<TarEntry['content']>): TarEntry {
  return { ...COMMON, path, type: 'file', mode: 0o644, size, content };
}

export function documentEntry(path: string, value: unknown): TarEntry {
  const content = Buffer.from(JSON.stringify(value));
  return fileEntry(path, content.length, content);
}

// image-spec image-layout.md in a tar, as containers' oci-archive.
export async function layoutEntries(store: Store, references: readonly Reference[], options: SaveOptions): Promise<TarEntry[]> {
  const blobs = new Map<Digest, SavedBlob>();
  const manifests: Descriptor[] = [];
  for (const reference of references) {
    const picked = await pick(store, reference, options);
    const tree = await readTree(store, reference, picked, options.signal);
    await requirePresent(store, tree.blobs);
    const saved = options.uncompressed ? await uncompressedTree(store, reference, picked, options) : asItIs(store, tree, picked, options);
    for (const blob of saved.blobs) blobs.set(blob.digest, blob);
    const name = formatReference(reference);
    const { mediaType, digest, size } = saved.root;
    manifests.push({ mediaType, digest, size, annotations: { [CONTAINERD_NAME]: name, [REF_NAME]: name } });
  }
  const attached = await attachedTo(store, blobs.keys(), options.signal);
  await requirePresent(store, attached.contents);
  for (const blob of attached.contents.map(blobOf(store, options))) blobs.set(blob.digest, blob);
  const isAttached = attached.index.manifests.length > 0;
  const directories = ['blobs', 'blobs/sha256', ...(isAttached ? ['sealos'] : [])].map(
    (path): TarEntry => ({ ...COMMON, path, type: 'directory', mode: 0o755, size: 0 }),
  );
  const files = [...blobs.values()].map(({ digest, size, content }) => fileEntry(`blobs/sha256/${hexOf(digest)}`, size, content));
  return [
    ...directories,
    ...files,
    ...(isAttached ? [documentEntry(ARCHIVED_ATTACHMENTS, attached.index)] : []),
    documentEntry('index.json', { schemaVersion: 2, mediaType: OCI_INDEX, manifests }),
    documentEntry('oci-layout', { imageLayoutVersion: '1.0.0' }),
  ];
}

function asItIs(store: Store, tree: ImageTree, root: Descriptor, options: SaveOptions): SavedTree {
  const contents = [...tree.blobs, ...tree.documents.map((document) => document.descriptor)];
  return { root, blobs: contents.map(blobOf(store, options)) };
}

const blobOf =
  (store: Store, options: SaveOptions) =>
  (blob: Descriptor): SavedBlob => ({
    digest: blob.digest,
    size: blob.size,
    content: async () => verified(await store.read(blob.digest, options), blob),
  });

// Docker's image specification v1.2: manifest.json, the configs, and the layers uncompressed and named after their diff ids.
async function dockerEntries(store: Store, references: readonly Reference[], options: SaveOptions): Promise<TarEntry[]> {
  if (options.platform === 'all')
    throw badInput('bad-platform', 'a docker-archive holds one platform only', 'save as oci-archive, or choose a platform');
  const files = new Map<string, TarEntry>();
  const images = new Map<string, { readonly Config: string; readonly RepoTags: string[]; readonly Layers: string[] }>();
  for (const reference of references) {
    const image = await openImage(store, reference, { platform: options.platform, signal: options.signal });
    const Config = `${hexOf(image.manifest.config.digest)}.json`;
    const RepoTags =
      reference.tag === undefined
        ? []
        : [formatReference({ registry: reference.registry, repository: reference.repository, tag: reference.tag })];
    const known = images.get(Config);
    if (known !== undefined) {
      known.RepoTags.push(...RepoTags);
      continue;
    }
    const { config } = image.manifest;
    files.set(
      Config,
      fileEntry(Config, config.size, async () => verified(await store.read(config.digest, options), config)),
    );
    const Layers: string[] = [];
    for (const [position, layer] of image.layers.entries()) {
      const { diffId, uncompressedBytes } = await layerFiles(store, layer, options);
      requireDiffId(image, position, diffId);
      const path = `${hexOf(diffId)}.tar`;
      Layers.push(path);
      files.set(
        path,
        fileEntry(path, uncompressedBytes, () => openLayer(store, layer, options)),
      );
    }
    images.set(Config, { Config, RepoTags, Layers });
  }
  return [...files.values(), documentEntry('manifest.json', [...images.values()])];
}

export async function requirePresent(store: Store, blobs: Iterable<Descriptor>): Promise<void> {
  for (const blob of blobs) {
    if ((await store.sizeOf(blob.digest)) !== blob.size)
      throw new SealosError('content-not-found', `the store lacks ${blob.digest.slice(0, 19)}`, { hint: 'pull or load the image again' });
  }
}

export function watched(entry: TarEntry, onEvent: OnTransfer | undefined): TarEntry {
  const { content } = entry;
  if (onEvent === undefined || typeof content !== 'function') return entry;
  const id = entry.path;
  const watch = async function* (): AsyncGenerator<Uint8Array> {
    onEvent({ kind: 'start', id, title: basename(id).slice(0, 12), bytes: entry.size });
    let bytes = 0;
    for await (const chunk of await content()) {
      bytes += chunk.length;
      yield chunk;
      onEvent({ kind: 'progress', id, bytes });
    }
    onEvent({ kind: 'done', id });
  };
  return { ...entry, content: watch };
}

// Headers and padding go with their neighbours: one write for each would be a system call for 512 bytes.
async function* gathered(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let small: Buffer[] = [];
  let size = 0;
  for await (const chunk of source) {
    small.push(chunk);
    size += chunk.length;
    if (size < 256 * 1024) continue;
    if (small.length > 1) yield Buffer.concat(small.slice(0, -1));
    yield chunk;
    small = [];
    size = 0;
  }
  if (size > 0) yield Buffer.concat(small);
}

async function writeFile(path: string, content: AsyncIterable<Buffer>, signal: AbortSignal | undefined): Promise<void> {
  const draft = join(dirname(path), `.${basename(path)}.${process.pid}.tmp`);
  const held = temporary(draft);
  try {
    const file = createWriteStream(draft, { flags: 'wx', flush: true, highWaterMark: 2 * 1024 * 1024 });
    await pipeline(Readable.from(content, { objectMode: false, highWaterMark: 2 * 1024 * 1024 }), file, { signal });
    await rename(draft, path);
    await syncDirectory(dirname(path));
  } catch (error) {
    await rm(draft, { force: true });
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT')
      throw badInput('bad-output', `there is no directory ${dirname(path)}`);
    throw diskError(error, path);
  } finally {
    held.keep();
  }
}
