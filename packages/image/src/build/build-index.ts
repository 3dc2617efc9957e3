import type { ContentOptions } from '../content.ts';
import { SealosError } from '../error.ts';
import type { Descriptor, Index, Platform } from '../manifest.ts';
import { parseIndex } from '../manifest-parse.ts';
import { isIndex, OCI_INDEX } from '../media-types.ts';
import { formatPlatform } from '../platform.ts';
import { familiarName, type Reference } from '../reference.ts';
import type { Store } from '../store.ts';
import { readContent } from '../verify.ts';

/** One platform's image in an index. */
export interface IndexMember {
  readonly descriptor: Descriptor;
  readonly platform: Platform;
}

/**
 * Puts images of several platforms under one name: into the index that has the name already, where they replace those of the same
 * platform, else into a new one. Throws `not-an-index` (exit 2) when the name means a single image.
 */
export async function addToIndex(
  store: Store,
  name: Reference,
  members: readonly IndexMember[],
  options: ContentOptions = {},
): Promise<Descriptor> {
  const before = await membersOf(store, name, options);
  const added = new Set(members.map(({ platform }) => formatPlatform(platform)));
  const kept = before.filter(({ platform }) => platform === undefined || !added.has(formatPlatform(platform)));
  const index: Index = {
    schemaVersion: 2,
    mediaType: OCI_INDEX,
    manifests: [
      ...kept,
      ...members.map(({ descriptor: { mediaType, digest, size }, platform }) => ({ mediaType, digest, size, platform })),
    ],
  };
  const descriptor = await store.writeBytes(JSON.stringify(index), OCI_INDEX);
  await store.tag(name, descriptor, options);
  return descriptor;
}

async function membersOf(store: Store, name: Reference, options: ContentOptions): Promise<readonly Descriptor[]> {
  let found: Descriptor;
  try {
    found = await store.resolve(name);
  } catch (error) {
    if (error instanceof SealosError && error.code === 'image-not-found') return [];
    throw error;
  }
  if (isIndex(found.mediaType)) return parseIndex(await readContent(store, name, found, options), found.mediaType).manifests;
  throw new SealosError('not-an-index', `${familiarName(name)} is a single image, not an index of several platforms`, {
    exitCode: 2,
    hint: `choose another name, or remove it: sealos rmi ${familiarName(name)}`,
  });
}
