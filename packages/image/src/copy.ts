import { Readable, Transform } from 'node:stream';
import type { ContentOptions, ContentSink, ContentSource, OnTransfer } from './content.ts';
import { SealosError } from './error.ts';
import { pickOf, readTree } from './image-tree.ts';
import type { Descriptor, Platform } from './manifest.ts';
import { forEachOf } from './parallel.ts';
import type { Reference } from './reference.ts';

export interface CopyOptions extends ContentOptions {
  /** The image's name at the source. */
  readonly from: Reference;
  /** Its name at the sink; default: the same. */
  readonly to?: Reference | undefined;
  /** Out of an index, one platform's image (default: this machine's) or the index with all that it lists. */
  readonly platform?: Platform | 'all' | undefined;
  /** Leave out what an index lists and the source does not have; without it that is an error. */
  readonly sparse?: boolean | undefined;
  readonly onEvent?: OnTransfer | undefined;
  /** Blobs on their way at once (default 4). */
  readonly jobs?: number | undefined;
  /** Asked before anything is written whether the image may come; it throws when not. */
  readonly admit?: ((picked: PickedImage) => Promise<void>) | undefined;
}

/** What a copy is about to take. */
export interface PickedImage {
  /** What the name means at the source, and what was picked out of that; often the same. */
  readonly chain: readonly Descriptor[];
  /** Every manifest and index that is copied. */
  readonly documents: readonly Descriptor[];
}

/**
 * Copies an image from any source to any sink: the blobs that the sink lacks, in parallel, then the manifests, then the name.
 * Returns what the name now means at the sink. A blob whose stream fails is fetched on from where it broke.
 */
export async function copyImage(source: ContentSource, sink: ContentSink, options: CopyOptions): Promise<Descriptor> {
  const { from, to = from, platform, signal } = options;
  const resolved = await source.resolve(from, { signal });
  const picked = await pickOf(source, from, resolved, { platform, signal });
  const tree = await readTree(source, from, picked, signal, options.sparse);
  await options.admit?.({ chain: [resolved, picked], documents: tree.documents.map(({ descriptor }) => descriptor) });

  await forEachOf(tree.blobs, options.jobs ?? 4, (blob, stop) => copyBlob(source, sink, blob, { ...options, to, signal: stop }), signal);
  for (const document of tree.documents)
    await sink.write(to, document.descriptor, Readable.from([document.bytes], { objectMode: false }), { signal });
  // A name with a list's digest means the list, whatever was taken of it: that is what is found under it again.
  const named = to.digest !== undefined && to.digest === resolved.digest ? resolved : picked;
  if (named.digest !== picked.digest) await sink.write(to, named, await source.fetch(from, named, { signal }), { signal });
  await sink.tag(to, named, { signal });
  return named;
}

async function copyBlob(
  source: ContentSource,
  sink: ContentSink,
  blob: Descriptor,
  options: CopyOptions & { readonly to: Reference },
): Promise<void> {
  const { from, to, signal, onEvent } = options;
  const id = blob.digest;
  const title = id.slice('sha256:'.length, 'sha256:'.length + 12);
  if (await sink.has(to, blob, { signal })) {
    onEvent?.({ kind: 'skip', id, title, why: 'already there' });
    return;
  }
  onEvent?.({ kind: 'start', id, title, bytes: blob.size });
  let sent = 0;
  const open = async (offset: number): Promise<Readable> => {
    sent = offset;
    const body = await source.fetch(from, blob, offset > 0 ? { signal, offset } : { signal });
    if (onEvent === undefined) return body;
    return counted(body, (bytes) => {
      sent += bytes;
      onEvent({ kind: 'progress', id, bytes: sent });
    });
  };
  const write = async () => sink.write(to, blob, await open(0), { signal, resume: open });
  await write().catch((error: unknown) => {
    // What a line or a cache on it spoilt once comes whole the second time; what is damaged at its source does not.
    if (signal?.aborted || !(error instanceof SealosError) || error.code !== 'content-mismatch') throw error;
    return write();
  });
  onEvent?.({ kind: 'done', id });
}

function counted(body: Readable, count: (bytes: number) => void): Readable {
  const counter = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      count(chunk.length);
      done(null, chunk);
    },
  });
  body.once('error', (error) => counter.destroy(error));
  counter.once('close', () => body.destroy());
  return body.pipe(counter);
}
