import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import type { ContentOptions } from '../content.ts';
import { type Digest, digestOf } from '../digest.ts';
import { SealosError } from '../error.ts';
import { readTree } from '../image-tree.ts';
import type { Descriptor } from '../manifest.ts';
import { OCI_CONFIG, OCI_MANIFEST } from '../media-types.ts';
import type { Reference } from '../reference.ts';
import type { RegistryPlace } from './place.ts';

export interface Removed {
  /** Manifests that are gone with the name, because nothing else in the repository leads to them. */
  readonly manifests: readonly Digest[];
  /** Other tags that went with a digest. */
  readonly tags: readonly string[];
}

/**
 * Takes an image out of a registry: a tag, with the manifests that no other tag of the repository leads to; or by digest a manifest with all
 * its tags. The contents go when garbage is collected. Throws `image-not-found` (exit 2), `registry-denied`.
 */
export async function removeImage(place: RegistryPlace, reference: Reference, options: ContentOptions = {}): Promise<Removed> {
  const { signal } = options;
  const { repository, registry } = reference;
  const root = await place.resolve(reference, { signal }).catch((error: unknown) => {
    if (!(error instanceof SealosError) || error.code !== 'image-not-found') throw error;
    const name = `${repository}${reference.digest === undefined ? `:${reference.tag}` : `@${reference.digest}`}`;
    throw new SealosError('image-not-found', `cannot remove ${name}: ${place.title} has no such image`, {
      exitCode: 2,
      cause: error,
      hint: `'sealos registry ls ${place.title}' shows what is there`,
    });
  });
  const own = await reachable(place, reference, signal);
  const others: { readonly tag: string; readonly reached: ReadonlySet<Digest>; readonly digest: Digest }[] = [];
  for (const tag of await place.tags(repository, { signal })) {
    if (tag === reference.tag && reference.digest === undefined) continue;
    const other = { registry, repository, tag };
    // One that is damaged, or went meanwhile, keeps nothing.
    const found = await place.resolve(other, { signal }).catch(ignoreMissing);
    if (found === undefined) continue;
    others.push({ tag, digest: found.digest, reached: await reachable(place, other, signal) });
  }
  const same = others.filter(({ digest }) => digest === root.digest).map(({ tag }) => tag);
  const isByTag = reference.digest === undefined;
  const kept = new Set(others.filter(({ digest }) => isByTag || digest !== root.digest).flatMap(({ reached }) => [...reached]));
  if (isByTag && kept.has(root.digest)) {
    const isDone = await place.remove(reference, { signal }).then(() => true, isUnsupported);
    if (!isDone) await removeByReplacing(place, reference, signal);
    return { manifests: [], tags: [] };
  }
  // The index first: one that lists what is gone would be broken.
  const gone = [root.digest, ...[...own].filter((digest) => digest !== root.digest && !kept.has(digest))];
  if (isByTag) await place.remove(reference, { signal }).catch(isUnsupported);
  for (const digest of gone) await place.remove({ registry, repository, digest }, { signal }).catch(ignoreMissing);
  return { manifests: gone, tags: isByTag ? [] : same };
}

async function reachable(place: RegistryPlace, reference: Reference, signal: AbortSignal | undefined): Promise<ReadonlySet<Digest>> {
  const root = await place.resolve(reference, { signal });
  try {
    const { documents } = await readTree(place, reference, root, signal, true);
    return new Set(documents.map(({ descriptor }) => descriptor.digest));
  } catch (error) {
    signal?.throwIfAborted();
    if (!(error instanceof SealosError)) throw error;
    return new Set([root.digest]);
  }
}

function ignoreMissing(error: unknown): undefined {
  if (!(error instanceof SealosError) || error.code !== 'image-not-found') throw error;
}

// docker-registry before 3 removes manifests alone: it takes a tag for a digest that is none.
function isUnsupported(error: unknown): false {
  if (!(error instanceof SealosError) || !['registry-denied', 'image-not-found', 'registry-failed'].includes(error.code)) throw error;
  return false;
}

/** Where only manifests can be removed: the tag is given to a manifest that is nowhere else, and goes with that one. */
async function removeByReplacing(place: RegistryPlace, reference: Reference, signal: AbortSignal | undefined): Promise<void> {
  const write = async (content: object, mediaType: string): Promise<Descriptor> => {
    const bytes = Buffer.from(JSON.stringify(content));
    const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length };
    await place.write(reference, descriptor, Readable.from([bytes], { objectMode: false }), { signal });
    return descriptor;
  };
  const config = await write({ architecture: 'unknown', os: 'unknown', rootfs: { type: 'layers', diff_ids: [] } }, OCI_CONFIG);
  const annotations = { 'sealos.io.removed': randomUUID() };
  const manifest = await write({ schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers: [], annotations }, OCI_MANIFEST);
  await place.tag(reference, manifest, { signal });
  await place.remove({ registry: reference.registry, repository: reference.repository, digest: manifest.digest }, { signal });
}
