import { type FileHandle, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { imagesOfLayout, type LoadOptions, loadArchive, refusal } from './archive.ts';
import { openArchiveInput } from './archive-input.ts';
import { isArchiveUrl } from './archive-name.ts';
import { digestOfPath } from './archive-staging.ts';
import type { ContentSource } from './content.ts';
import type { Digest } from './digest.ts';
import { SealosError } from './error.ts';
import { JSON_LIMIT } from './json.ts';
import { formatReference, type Reference } from './reference.ts';
import { openStore, type Store } from './store.ts';
import type { StoredImage } from './store-index.ts';
import { type ByteInput, readTar } from './tar-read.ts';

/** An archive's images, to be read or copied without loading them into the store. */
export interface OpenArchive extends AsyncDisposable {
  readonly images: readonly StoredImage[];
  readonly source: ContentSource;
}

/**
 * Opens an oci-archive or docker-archive as a source. A plain oci-archive in a file is read in place; anything else goes through
 * temporary files in the store's directory, which are gone when the archive is closed. Throws as `loadArchive` does.
 */
export async function openArchive(store: Store, path: string, options: LoadOptions = {}): Promise<OpenArchive> {
  const inPlace = path === '-' || isArchiveUrl(path) ? undefined : await openInPlace(path, options);
  if (inPlace !== undefined) return inPlace;
  const lease = await store.lease();
  const spool = await openStore(join(lease.path, `archive-${lease.next()}`));
  try {
    // What is read from here gets no name in the store.
    const images = await loadArchive(spool, path, { ...options, trust: { policy: undefined, keys: [] } });
    return { images, source: spool, [Symbol.asyncDispose]: () => discard(spool) };
  } catch (error) {
    await discard(spool);
    throw error;
  }
}

interface Place {
  readonly offset: number;
  readonly size: number;
}

async function openInPlace(path: string, options: LoadOptions): Promise<OpenArchive | undefined> {
  const archive = await openArchiveInput(path, options.signal);
  const { file } = archive;
  try {
    const found = file === undefined ? undefined : await findBlobs(archive.input);
    if (file === undefined || found?.index === undefined) {
      await archive[Symbol.asyncDispose]();
      return undefined;
    }
    const images = imagesOfLayout(found.index, options.name);
    return { images, source: sourceOf(file, path, images, found.blobs), [Symbol.asyncDispose]: () => archive[Symbol.asyncDispose]() };
  } catch (error) {
    await archive[Symbol.asyncDispose]();
    throw refusal(path, error);
  }
}

async function findBlobs(input: ByteInput): Promise<{ readonly index: Buffer | undefined; readonly blobs: ReadonlyMap<Digest, Place> }> {
  const blobs = new Map<Digest, Place>();
  let index: Buffer | undefined;
  for await (const { header, offset, content } of readTar(input)) {
    const digest = digestOfPath(header.path);
    if (digest !== undefined && header.type === 'file') blobs.set(digest, { offset, size: header.size });
    if (header.path !== 'index.json' || header.size > JSON_LIMIT) continue;
    const chunks: Buffer[] = [];
    for await (const chunk of content()) chunks.push(chunk);
    index = Buffer.concat(chunks);
  }
  return { index, blobs };
}

function sourceOf(file: FileHandle, path: string, images: readonly StoredImage[], blobs: ReadonlyMap<Digest, Place>): ContentSource {
  return {
    async resolve(reference: Reference) {
      const name = formatReference(reference);
      const image = images.find((one) => formatReference(one.reference) === name);
      if (image === undefined) throw new SealosError('image-not-found', `there is no image ${name} in ${path}`, { exitCode: 2 });
      return image.descriptor;
    },
    async fetch(_reference, descriptor, fetchOptions = {}) {
      const place = blobs.get(descriptor.digest);
      if (place === undefined)
        throw new SealosError('content-not-found', `${path} lacks ${descriptor.digest.slice(0, 19)}`, { exitCode: 2 });
      const start = place.offset + (fetchOptions.offset ?? 0);
      const end = place.offset + place.size;
      // `end` is inclusive: nothing at all cannot be asked for.
      if (start >= end) return Readable.from([]);
      const { signal } = fetchOptions;
      return file.createReadStream({ start, end: end - 1, autoClose: false, highWaterMark: 1024 * 1024, ...(signal ? { signal } : {}) });
    },
  };
}

async function discard(spool: Store): Promise<void> {
  await spool.close();
  await rm(spool.path, { recursive: true, force: true });
}
