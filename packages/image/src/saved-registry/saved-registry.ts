import { open, readFile, stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { type BlobWriter, diskError, openBlobWriter } from '../blob.ts';
import type { ContentOptions, ContentSink, ContentSource, WriteOptions } from '../content.ts';
import { type Digest, isDigest } from '../digest.ts';
import { SealosError } from '../error.ts';
import { parseJson } from '../json.ts';
import type { Descriptor } from '../manifest.ts';
import { isIndex, isManifest, OCI_INDEX, OCI_MANIFEST } from '../media-types.ts';
import { familiarName, type Reference } from '../reference.ts';
import { mismatch } from '../verify.ts';
import { openDrafts, putInPlace } from './drafts.ts';
import { savedRegistryPaths } from './paths.ts';

/** How often a content may fail without a single new byte before its writing fails. */
const RESUMES = 5;

/**
 * The `registry/` directory of a cluster image, in docker-distribution's layout: a registry's content at rest. Names lose their registry
 * host: `registry.k8s.io/pause:3.9` is `pause:3.9` here. Dispose of it when writing is over.
 */
export interface SavedRegistry extends ContentSource, ContentSink, AsyncDisposable {
  readonly directory: string;
}

/** Opens a saved registry; nothing is made before something is written. */
export function openSavedRegistry(directory: string): SavedRegistry {
  const paths = savedRegistryPaths(directory);
  const drafts = openDrafts(directory);

  const isHeld = async ({ digest, size }: Descriptor) => (await stat(paths.blob(digest)).catch(() => undefined))?.size === size;

  const nextDraft = (): Promise<string> => drafts.next().catch((error: unknown) => Promise.reject(explained(error, directory)));
  const link = async (target: string, digest: Digest): Promise<void> => {
    if ((await readFile(target, 'utf8').catch(() => '')) === digest) return;
    await drafts.write(target, digest).catch((error: unknown) => Promise.reject(explained(error, target)));
  };
  const linkContent = ({ repository }: Reference, { digest, mediaType }: Descriptor): Promise<void> => {
    const isDocument = isManifest(mediaType) || isIndex(mediaType);
    return link(isDocument ? paths.revisionLink(repository, digest) : paths.layerLink(repository, digest), digest);
  };

  return {
    directory,
    async resolve(reference) {
      const { repository, tag } = reference;
      const link = reference.digest === undefined ? paths.tagLink(repository, tag ?? '') : paths.revisionLink(repository, reference.digest);
      const digest = (await readFile(link, 'utf8').catch(() => '')).trim();
      const bytes = isDigest(digest) ? await readFile(paths.blob(digest)).catch(() => undefined) : undefined;
      if (!isDigest(digest) || bytes === undefined) {
        throw new SealosError('image-not-found', `there is no image ${familiarName(reference)} in ${directory}`, { exitCode: 2 });
      }
      return { mediaType: mediaTypeOf(bytes, digest), digest, size: bytes.length };
    },
    async fetch(_reference, { digest }, options: ContentOptions & { readonly offset?: number } = {}) {
      const file = await open(paths.blob(digest), 'r').catch(() => {
        throw new SealosError('content-not-found', `there is no ${digest.slice(0, 19)} in ${directory}`);
      });
      const { offset = 0, signal } = options;
      return file.createReadStream({ start: offset, highWaterMark: 1024 * 1024, ...(signal ? { signal } : {}) });
    },
    async has(reference, descriptor) {
      if (!(await isHeld(descriptor))) return false;
      await linkContent(reference, descriptor);
      return true;
    },
    async write(reference, descriptor, body, options = {}) {
      if (await isHeld(descriptor)) body.destroy();
      else {
        const writer = await openBlobWriter(await nextDraft(), directory);
        try {
          await receive(writer, descriptor, body, options);
          await putInPlace(writer.path, paths.blob(descriptor.digest));
        } catch (error) {
          throw explained(error, directory);
        } finally {
          await writer.discard();
        }
      }
      await linkContent(reference, descriptor);
    },
    async tag({ repository, tag }, { digest }) {
      if (tag === undefined) return;
      await link(paths.tagIndexLink(repository, tag, digest), digest);
      await link(paths.tagLink(repository, tag), digest);
    },
    [Symbol.asyncDispose]: () => drafts[Symbol.asyncDispose](),
  };
}

async function receive(writer: BlobWriter, descriptor: Descriptor, body: Readable, options: WriteOptions): Promise<void> {
  let stream = body;
  try {
    for (let failures = 0; ; ) {
      const before = writer.size;
      try {
        for await (const chunk of stream) {
          options.signal?.throwIfAborted();
          if (writer.size + chunk.length > descriptor.size) throw mismatch(descriptor, { size: writer.size + chunk.length });
          await writer.write(chunk);
        }
        break;
      } catch (error) {
        failures = writer.size > before ? 1 : failures + 1;
        if (options.resume === undefined || error instanceof SealosError || options.signal?.aborted || failures > RESUMES) throw error;
        stream = await options.resume(writer.size);
      }
    }
  } finally {
    stream.destroy();
  }
  const written = await writer.finish();
  if (written.size !== descriptor.size) throw mismatch(descriptor, { size: written.size });
  if (written.digest !== descriptor.digest) throw mismatch(descriptor, { digest: written.digest });
}

// image-spec: `mediaType` may be missing in a manifest or index; then its members tell which of the two it is.
function mediaTypeOf(bytes: Buffer, digest: Digest): string {
  const value = parseJson(bytes, `the manifest ${digest.slice(0, 19)}`);
  if (typeof value !== 'object' || value === null) throw new SealosError('bad-content', `${digest.slice(0, 19)} is not a manifest`);
  if ('mediaType' in value && typeof value.mediaType === 'string') return value.mediaType;
  return 'manifests' in value ? OCI_INDEX : OCI_MANIFEST;
}

// The store's advice for a full disk does not fit here.
function explained(error: unknown, path: string): unknown {
  const known = diskError(error, path);
  if (!(known instanceof SealosError) || known.code !== 'disk-full') return known;
  return new SealosError(known.code, known.message, { cause: error, hint: `free some space: the container images are saved in ${path}` });
}
