import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ContentOptions, ContentSink, ContentSource, WriteOptions } from '../content.ts';
import { type Digest, isDigest } from '../digest.ts';
import { SealosError } from '../error.ts';
import type { Descriptor } from '../manifest.ts';
import { isIndex, isManifest, OCI_MANIFEST } from '../media-types.ts';
import { familiarName, type Reference } from '../reference.ts';
import { verified } from '../verify.ts';
import { savedRegistryPaths } from './paths.ts';

const RESUMES = 5;

/**
 * The `registry/` directory of a cluster image, in docker-distribution's layout: a registry's content at rest. Names lose their registry
 * host: `registry.k8s.io/pause:3.9` is `pause:3.9` here. Dispose of it when writing is over.
 */
export interface SavedRegistry extends ContentSource, ContentSink, AsyncDisposable {
  readonly directory: string;
}

export function openSavedRegistry(directory: string): SavedRegistry {
  const paths = savedRegistryPaths(directory);
  const temporary = join(directory, `.unfinished-${process.pid}`);
  let count = 0;

  const isHeld = async ({ digest, size }: Descriptor) => (await stat(paths.blob(digest)).catch(() => undefined))?.size === size;

  /** Writes beside the target's filesystem place and renames: a link or blob is there whole or not at all. */
  const place = async (target: string, write: (path: string) => Promise<void>) => {
    count += 1;
    const path = join(temporary, String(count));
    await mkdir(temporary, { recursive: true });
    await mkdir(dirname(target), { recursive: true });
    try {
      await write(path);
      await rename(path, target);
    } finally {
      await rm(path, { force: true });
    }
  };
  const link = async (target: string, digest: Digest) => {
    if ((await readFile(target, 'utf8').catch(() => '')) === digest) return;
    await place(target, (path) => writeFile(path, digest));
  };
  const linkContent = (reference: Reference, descriptor: Descriptor) => {
    const isDocument = isManifest(descriptor.mediaType) || isIndex(descriptor.mediaType);
    return link(
      isDocument ? paths.revisionLink(reference.repository, descriptor.digest) : paths.layerLink(reference.repository, descriptor.digest),
      descriptor.digest,
    );
  };

  const receive = async (path: string, descriptor: Descriptor, body: Readable, options: WriteOptions) => {
    let stream = body;
    for (let failures = 0; ; failures += 1) {
      const start = (await stat(path).catch(() => undefined))?.size ?? 0;
      try {
        await pipeline(stream, createWriteStream(path, { flags: start > 0 ? 'a' : 'w' }), { signal: options.signal });
        break;
      } catch (error) {
        if (!options.resume || error instanceof SealosError || options.signal?.aborted || failures >= RESUMES) throw error;
        stream = await options.resume((await stat(path).catch(() => undefined))?.size ?? 0);
      }
    }
    await pipeline(verified(createReadStream(path, { highWaterMark: 1024 * 1024 }), descriptor), async (chunks) => {
      for await (const _ of chunks);
    });
    const file = await open(path, 'r');
    await file.sync().finally(() => file.close());
  };

  return {
    directory,
    async resolve(reference) {
      const digest =
        reference.digest ??
        (reference.tag && (await readFile(paths.tagLink(reference.repository, reference.tag), 'utf8').catch(() => undefined)));
      if (!digest || !isDigest(digest)) {
        throw new SealosError('image-not-found', `there is no image ${familiarName(reference)} in ${directory}`, { exitCode: 2 });
      }
      const bytes = await readFile(paths.blob(digest));
      const { mediaType } = JSON.parse(bytes.toString());
      return { mediaType: typeof mediaType === 'string' ? mediaType : OCI_MANIFEST, digest, size: bytes.length };
    },
    async fetch(_reference, { digest }, options: ContentOptions & { readonly offset?: number } = {}) {
      return createReadStream(paths.blob(digest), { start: options.offset ?? 0, highWaterMark: 1024 * 1024 });
    },
    async has(reference, descriptor) {
      if (!(await isHeld(descriptor))) return false;
      await linkContent(reference, descriptor);
      return true;
    },
    async write(reference, descriptor, body, options = {}) {
      if (await isHeld(descriptor)) body.destroy();
      else await place(paths.blob(descriptor.digest), (path) => receive(path, descriptor, body, options));
      await linkContent(reference, descriptor);
    },
    async tag({ repository, tag }, { digest }) {
      if (tag === undefined) return;
      await link(paths.tagIndexLink(repository, tag, digest), digest);
      await link(paths.tagLink(repository, tag), digest);
    },
    async [Symbol.asyncDispose]() {
      await rm(temporary, { recursive: true, force: true });
    },
  };
}
