import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ContentSource, OnTransfer } from '../content.ts';
import { badInput } from '../error.ts';
import { type ImageTree, pickOf, readTree } from '../image-tree.ts';
import type { Descriptor, Platform } from '../manifest.ts';
import { isIndex } from '../media-types.ts';
import { forEachOf } from '../parallel.ts';
import { familiarName, formatReference, type Reference } from '../reference.ts';
import { requireTrusted } from '../trust/require-trusted.ts';
import { readTrust, type Trust } from '../trust/trust.ts';
import { readContent } from '../verify.ts';
import { removeUnfinished } from './drafts.ts';
import { openSavedRegistry, type SavedRegistry } from './saved-registry.ts';

export interface SaveImagesOptions {
  /** The context's `registry` directory; what is there stays. */
  readonly directory: string;
  readonly references: readonly Reference[];
  readonly platform: Platform | 'all';
  readonly source: ContentSource;
  /** Where signatures of the images may be besides. */
  readonly store?: ContentSource | undefined;
  /** What may be saved; default: what containers' policy.json says. */
  readonly trust?: Trust | undefined;
  /** Contents on their way at once (default 5). */
  readonly jobs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: OnTransfer | undefined;
}

interface Wanted {
  readonly reference: Reference;
  /** What is saved: one platform's manifest, or all that the name means. */
  readonly picked: Descriptor;
  readonly tree: ImageTree;
  /** The index that a digest in the name means, when only one platform of it is saved. */
  readonly index: { readonly descriptor: Descriptor; readonly bytes: Buffer } | undefined;
}

/**
 * Saves container images into a directory that a registry can serve. No content that is there is fetched again, and none twice. The
 * registry host is not part of a name there: throws `image-collision` (exit 2) when two images would get one name and are not the same, and `not-trusted` (exit 2) before any content is fetched.
 */
export async function saveImages(options: SaveImagesOptions): Promise<void> {
  const { directory, references, signal } = options;
  const unique = [...new Map(references.map((reference) => [formatReference(reference), reference])).values()];
  const jobs = options.jobs ?? 5;
  const trust = options.trust ?? (await readTrust());
  const found = new Map<Reference, Wanted>();
  await forEachOf(
    unique,
    jobs,
    async (reference, stop) => {
      found.set(reference, await find(reference, trust, { ...options, signal: stop }));
    },
    signal,
  );
  const wanted = unique.flatMap((reference) => found.get(reference) ?? []);
  // Names without a digest last: they decide what a tag means.
  wanted.sort((a, b) => Number(a.reference.digest === undefined) - Number(b.reference.digest === undefined));
  refuseCollisions(wanted);
  await removeUnfinished(directory);
  await using registry = openSavedRegistry(directory);
  await forEachOf(blobsOf(wanted), jobs, (blob, stop) => saveBlob(registry, blob, { ...options, signal: stop }), signal);
  for (const one of wanted) await name(registry, one, signal);
}

async function find(reference: Reference, trust: Trust, options: SaveImagesOptions): Promise<Wanted> {
  const { source, store, platform, signal } = options;
  const resolved = await source.resolve(reference, { signal });
  const picked = await pickOf(source, reference, resolved, { platform, signal });
  const sources = store === undefined || store === source ? [source] : [source, store];
  await requireTrusted(sources, { reference, chain: [resolved, picked] }, trust, { signal });
  const tree = await readTree(source, reference, picked, signal);
  let index: Wanted['index'];
  if (reference.digest !== undefined && reference.digest !== picked.digest && isIndex(resolved.mediaType))
    index = { descriptor: resolved, bytes: await readContent(source, reference, resolved, { signal }) };
  return { reference, picked, tree, index };
}

interface WantedBlob {
  readonly blob: Descriptor;
  /** Every image that has it; it is fetched from the first. */
  readonly references: readonly [Reference, ...Reference[]];
}

/** Each content once, the biggest first: the last one to finish should be a small one. */
function blobsOf(wanted: readonly Wanted[]): readonly WantedBlob[] {
  const blobs = new Map<string, WantedBlob>();
  for (const { reference, tree } of wanted) {
    for (const blob of tree.blobs) {
      const known = blobs.get(blob.digest);
      blobs.set(blob.digest, { blob, references: known === undefined ? [reference] : [...known.references, reference] });
    }
  }
  return [...blobs.values()].sort((a, b) => b.blob.size - a.blob.size);
}

async function saveBlob(registry: SavedRegistry, wanted: WantedBlob, options: SaveImagesOptions): Promise<void> {
  const { source, signal, onEvent } = options;
  const { blob, references } = wanted;
  const [first, ...others] = references;
  if (!(await registry.has(first, blob))) {
    const id = blob.digest;
    onEvent?.({ kind: 'start', id, title: `${familiarName(first)}  ${id.slice('sha256:'.length, 19)}`, bytes: blob.size });
    const fetchFrom = async (offset: number): Promise<Readable> => {
      const body = await source.fetch(first, blob, offset > 0 ? { signal, offset } : { signal });
      return onEvent === undefined ? body : counted(body, (bytes) => onEvent({ kind: 'progress', id, bytes: offset + bytes }));
    };
    await registry.write(first, blob, await fetchFrom(0), { signal, resume: fetchFrom });
    onEvent?.({ kind: 'done', id });
  }
  for (const reference of others) await registry.has(reference, blob);
}

function counted(body: Readable, report: (bytes: number) => void): Readable {
  let bytes = 0;
  const counter = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      report(bytes);
      done(null, chunk);
    },
  });
  // An error of either ends both; the reader sees it.
  pipeline(body, counter).catch(() => {});
  return counter;
}

async function name(registry: SavedRegistry, wanted: Wanted, signal: AbortSignal | undefined): Promise<void> {
  const { reference, picked, tree, index } = wanted;
  for (const { descriptor, bytes } of index === undefined ? tree.documents : [...tree.documents, index]) {
    await registry.write(reference, descriptor, Readable.from([bytes], { objectMode: false }), { signal });
  }
  await registry.tag(reference, picked);
}

function refuseCollisions(wanted: readonly Wanted[]): void {
  const taken = new Map<string, Wanted>();
  for (const one of wanted) {
    const { reference, picked } = one;
    if (reference.tag === undefined) continue;
    const saved = `${reference.repository}:${reference.tag}`;
    const other = taken.get(saved);
    const isOther = other !== undefined && other.picked.digest !== picked.digest;
    // One with a digest is found by it, whatever the tag means by now.
    const hasDigest = (reference.digest ?? other?.reference.digest) !== undefined;
    if (isOther && !(hasDigest && other.reference.registry === reference.registry)) {
      throw badInput(
        'image-collision',
        `${formatReference(other.reference)} and ${formatReference(reference)} would both be '${saved}' in the cluster's registry, and are not the same`,
        'names lose their registry there: leave one of the two out, or push one under another name',
      );
    }
    taken.set(saved, one);
  }
}
