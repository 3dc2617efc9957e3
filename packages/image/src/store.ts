import { mkdir, open, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { addAbortSignal, type Readable } from 'node:stream';
import { artifactTypeOf } from './artifact.ts';
import { type BlobWriter, diskError, openBlobWriter, type WrittenBlob } from './blob.ts';
import type { ContentOptions, ContentSink, ContentSource, WriteOptions } from './content.ts';
import { type Digest, digestOf, hexOf } from './digest.ts';
import { requireSpace } from './disk-space.ts';
import { badInput, SealosError } from './error.ts';
import { JSON_LIMIT } from './json.ts';
import { type LockOptions, withLock } from './lock.ts';
import type { Descriptor } from './manifest.ts';
import { parseIndex, parseManifest, requireConfig } from './manifest-parse.ts';
import { isIndex, isManifest } from './media-types.ts';
import { familiarName, type Reference } from './reference.ts';
import { collect, type Garbage } from './store-garbage.ts';
import { createLayoutIndex, findImage, namedImages, readLayoutIndex, type StoredImage, withName, writeLayoutIndex } from './store-index.ts';
import { type Lease, openLease } from './store-lease.ts';
import { mismatch } from './verify.ts';

/** How often a content may fail without a single new byte before its writing fails. */
const RESUMES = 5;

/** `$SEALOS_STORAGE`, else `$XDG_DATA_HOME/sealos/storage`, else `~/.local/share/sealos/storage`. */
export function defaultStorePath(environment: NodeJS.ProcessEnv = process.env): string {
  const data = environment['XDG_DATA_HOME'] || join(homedir(), '.local', 'share');
  return environment['SEALOS_STORAGE'] || join(data, 'sealos', 'storage');
}

/**
 * Opens the store of images, an OCI image layout, and makes it when there is none. Close it when done (`await using`): that
 * removes what was not finished. Throws `bad-store` (exit 2) for a directory that holds something else.
 */
export async function openStore(path: string = defaultStorePath()): Promise<Store> {
  const root = resolve(path);
  const marker = join(root, 'oci-layout');
  const found = await readFile(marker, 'utf8').catch(() => undefined);
  if (found !== undefined) {
    if (!/"imageLayoutVersion"\s*:\s*"1\./.test(found))
      throw badInput('bad-store', `${marker} is of a version that this program does not know`);
    return new Store(root);
  }
  try {
    const names = await readdir(root).catch(() => []);
    const ours = new Set(['blobs', 'index.json', 'oci-layout', 'sealos']); // another process may be making it right now
    const foreign = names.find((name) => !ours.has(name) && !name.startsWith('.index.json.'));
    if (foreign !== undefined) {
      throw badInput(
        'bad-store',
        `${root} is not an image store: it holds '${foreign}' but no oci-layout`,
        'choose an empty directory for the store',
      );
    }
    await mkdir(join(root, 'blobs', 'sha256'), { recursive: true });
    await createLayoutIndex(root);
    await writeFile(marker, '{"imageLayoutVersion":"1.0.0"}\n');
  } catch (error) {
    throw diskError(error, root);
  }
  return new Store(root);
}

/** Images on this machine: blobs by digest, names in `index.json`. Any number of processes may read and write at once. */
export class Store implements ContentSource, ContentSink, AsyncDisposable {
  readonly path: string;
  #lease: Promise<Lease> | undefined;
  // What this object wrote or found present: not garbage, though no name may lead to it yet.
  readonly #touched = new Set<Digest>();

  constructor(path: string) {
    this.path = path;
  }

  /** All named images, in order of their names. */
  async list(): Promise<readonly StoredImage[]> {
    return namedImages(await readLayoutIndex(this.path));
  }

  async resolve(reference: Reference): Promise<Descriptor> {
    const image = findImage(await readLayoutIndex(this.path), reference);
    if (image !== undefined) return image.descriptor;
    throw new SealosError('image-not-found', `there is no image ${familiarName(reference)} in the store`, {
      exitCode: 2,
      hint: "'sealos images' lists what is there, 'sealos pull' fetches more",
    });
  }

  /** Where a blob is or would be; for readers that want a file. */
  blobPath(digest: Digest): string {
    return join(this.path, 'blobs', 'sha256', hexOf(digest));
  }

  async fetch(
    _reference: Reference,
    descriptor: Descriptor,
    options: ContentOptions & { readonly offset?: number } = {},
  ): Promise<Readable> {
    return this.read(descriptor.digest, options);
  }

  /** The bytes of a blob from `offset` on, not verified. Throws `content-not-found`. */
  async read(digest: Digest, options: ContentOptions & { readonly offset?: number } = {}): Promise<Readable> {
    const file = await open(this.blobPath(digest), 'r').catch((error: unknown) => {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
      throw new SealosError('content-not-found', `the store has no ${digest.slice(0, 19)}`, { hint: 'pull or load the image again' });
    });
    return file.createReadStream({
      start: options.offset ?? 0,
      highWaterMark: 1024 * 1024,
      ...(options.signal ? { signal: options.signal } : {}),
    });
  }

  async has(_reference: Reference, descriptor: Descriptor): Promise<boolean> {
    return this.hasBlob(descriptor.digest, descriptor.size);
  }

  /** A blob's bytes on the disk; undefined when it is not there. */
  async sizeOf(digest: Digest): Promise<number | undefined> {
    return (await stat(this.blobPath(digest)).catch(() => undefined))?.size;
  }

  /** Whether a blob is there with that size. From then on no collection removes it, until this object is closed. */
  async hasBlob(digest: Digest, size: number): Promise<boolean> {
    await this.lease();
    if ((await this.sizeOf(digest)) !== size) return false;
    this.#touched.add(digest);
    return true;
  }

  async write(reference: Reference, descriptor: Descriptor, body: Readable, options: WriteOptions = {}): Promise<void> {
    let stream = body;
    if (await this.has(reference, descriptor)) {
      stream.destroy();
      return;
    }
    await requireSpace(this.path, descriptor.size, descriptor.digest.slice(0, 19)).catch((error: unknown) => {
      stream.destroy();
      throw error;
    });
    const writer = await this.createBlob();
    try {
      for (let failures = 0; ; ) {
        const before = writer.size;
        try {
          await pour(stream, writer, descriptor, options.signal);
          break;
        } catch (error) {
          failures = writer.size > before ? 1 : failures + 1;
          if (options.resume === undefined || error instanceof SealosError || options.signal?.aborted || failures > RESUMES) throw error;
          stream = await options.resume(writer.size);
        }
      }
      const written = await writer.finish();
      if (written.size !== descriptor.size) throw mismatch(descriptor, { size: written.size });
      if (written.digest !== descriptor.digest) throw mismatch(descriptor, { digest: written.digest });
      await this.commit(writer);
    } finally {
      stream.destroy();
      await writer.discard();
    }
  }

  /** Stores bytes that are in memory (a manifest, a config) and returns their descriptor. */
  async writeBytes(bytes: Uint8Array | string, mediaType: string): Promise<Descriptor> {
    const content = typeof bytes === 'string' ? Buffer.from(bytes) : bytes;
    const descriptor: Descriptor = { mediaType, digest: digestOf(content), size: content.length };
    const writer = await this.createBlob();
    try {
      await writer.write(content);
      await this.commit(writer);
    } finally {
      await writer.discard();
    }
    return descriptor;
  }

  /** A writer for content whose digest is not known yet. The caller commits it through `commit`, or discards it. */
  async createBlob(): Promise<BlobWriter> {
    const lease = await this.lease();
    return openBlobWriter(join(lease.path, `${lease.next()}.blob`), join(this.path, 'blobs', 'sha256'));
  }

  /** Makes a writer's content visible in the store. */
  async commit(writer: BlobWriter): Promise<WrittenBlob> {
    const { digest } = await writer.finish();
    this.#touched.add(digest);
    return writer.commit();
  }

  /** Names a manifest or index that is in the store. Throws `content-not-found` when it or something that it needs is not. */
  async tag(reference: Reference, descriptor: Descriptor, options: ContentOptions = {}): Promise<void> {
    if (reference.digest !== undefined && reference.digest !== descriptor.digest)
      throw mismatch({ ...descriptor, digest: reference.digest }, { digest: descriptor.digest });
    await this.#requireComplete(descriptor);
    await this.#locked(async () => writeLayoutIndex(this.path, withName(await readLayoutIndex(this.path), reference, descriptor)), options);
  }

  /** Removes a name and returns what it named; the blobs stay until `collectGarbage`. Throws `image-not-found` (exit 2). */
  async remove(reference: Reference, options: ContentOptions = {}): Promise<StoredImage> {
    return this.#locked(async () => {
      const index = await readLayoutIndex(this.path);
      const image = findImage(index, reference) ?? { reference, descriptor: await this.resolve(reference) };
      await writeLayoutIndex(this.path, withName(index, image.reference, undefined));
      return image;
    }, options);
  }

  /** Removes every blob that no name leads to. While another process writes, nothing is removed (`busy`): the next collection does it. */
  async collectGarbage(options: ContentOptions = {}): Promise<Garbage> {
    const own = await this.#lease;
    return this.#locked(() => collect(this.path, own?.path, this.#touched), options);
  }

  /** Removes what was begun and not committed. */
  async close(): Promise<void> {
    const lease = await this.#lease?.catch(() => undefined);
    this.#lease = undefined;
    this.#touched.clear();
    await lease?.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** This object's directory for temporary files; it also keeps collections of other processes from removing anything. */
  async lease(): Promise<Lease> {
    this.#lease ??= this.#locked(() => openLease(this.path), {}).catch((error: unknown) => {
      this.#lease = undefined; // the next attempt may find the disk less full
      throw error;
    });
    return this.#lease;
  }

  async #locked<T>(work: () => Promise<T>, options: LockOptions): Promise<T> {
    await mkdir(join(this.path, 'sealos'), { recursive: true }).catch((error: unknown) => Promise.reject(diskError(error, this.path)));
    return withLock(join(this.path, 'sealos', 'lock'), work, options);
  }

  async #requireComplete(descriptor: Descriptor): Promise<void> {
    const bytes = await readFile(this.blobPath(descriptor.digest)).catch(() => undefined);
    if (bytes === undefined) throw new SealosError('content-not-found', `the store has no ${descriptor.digest.slice(0, 19)} to name`);
    if (isIndex(descriptor.mediaType)) {
      for (const child of parseIndex(bytes, descriptor.mediaType).manifests)
        if (isManifest(child.mediaType) && (await this.sizeOf(child.digest)) !== undefined) await this.#requireComplete(child);
    }
    if (!isManifest(descriptor.mediaType)) return;
    const manifest = parseManifest(bytes, descriptor.mediaType);
    for (const part of [manifest.config, ...manifest.layers]) {
      if ((await this.sizeOf(part.digest)) !== part.size)
        throw new SealosError('content-not-found', `the store has no ${part.digest.slice(0, 19)}, which the image needs`);
    }
    // Whoever lists images reads it: one that cannot be read would spoil the whole list.
    if (artifactTypeOf(manifest) !== undefined) return;
    if (manifest.config.size > JSON_LIMIT) throw new SealosError('bad-content', "the image's config is bigger than 4 MiB");
    requireConfig(manifest, await readFile(this.blobPath(manifest.config.digest)));
  }
}

async function pour(body: Readable, writer: BlobWriter, descriptor: Descriptor, signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted();
  const stream = signal === undefined ? body : addAbortSignal(signal, body);
  for await (const chunk of stream) {
    if (writer.size + chunk.length > descriptor.size) throw mismatch(descriptor, { size: writer.size + chunk.length });
    await writer.write(chunk);
  }
}
