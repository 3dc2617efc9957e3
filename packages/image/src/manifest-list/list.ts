import { join } from 'node:path';
import type { ContentOptions } from '../content.ts';
import { badInput, SealosError } from '../error.ts';
import { withLock } from '../lock.ts';
import type { Descriptor, Index } from '../manifest.ts';
import { parseIndex } from '../manifest-parse.ts';
import { isIndex, OCI_INDEX } from '../media-types.ts';
import { familiarName, type Reference } from '../reference.ts';
import type { Store } from '../store.ts';
import { readContent } from '../verify.ts';

/** An index in the store under a name: what buildah calls a manifest list. */
export interface ManifestList {
  readonly descriptor: Descriptor;
  readonly index: Index;
}

/** Reads a list by name. Throws `image-not-found` and `not-an-index` (exit 2). */
export async function readList(store: Store, name: Reference, options: ContentOptions = {}): Promise<ManifestList> {
  const descriptor = await store.resolve(name);
  if (!isIndex(descriptor.mediaType)) {
    throw badInput(
      'not-an-index',
      `${familiarName(name)} is a single image, not a list of several platforms`,
      `choose another name, or remove it: sealos rmi ${familiarName(name)}`,
    );
  }
  return { descriptor, index: parseIndex(await readContent(store, name, descriptor, options), descriptor.mediaType) };
}

/** A list by name; undefined where nothing has the name. Throws `not-an-index` (exit 2). */
export async function findList(store: Store, name: Reference, options: ContentOptions = {}): Promise<ManifestList | undefined> {
  try {
    return await readList(store, name, options);
  } catch (error) {
    if (error instanceof SealosError && error.code === 'image-not-found') return undefined;
    throw error;
  }
}

/** Whether the store has an image or a list of a name. */
export async function hasName(store: Store, name: Reference): Promise<boolean> {
  return store.resolve(name).then(
    () => true,
    (error: unknown) => (error instanceof SealosError && error.code === 'image-not-found' ? false : Promise.reject(error)),
  );
}

/** Whether a name means a list in the store, as opposed to a single image or nothing. */
export async function hasList(store: Store, name: Reference): Promise<boolean> {
  return (await hasName(store, name)) && isIndex((await store.resolve(name)).mediaType);
}

/** Stores an OCI index with these members and gives it the name. */
export async function writeList(store: Store, name: Reference, index: Index, options: ContentOptions = {}): Promise<ManifestList> {
  const written: Index = { ...index, schemaVersion: 2, mediaType: OCI_INDEX };
  const descriptor = await store.writeBytes(JSON.stringify(written), OCI_INDEX);
  await store.tag(name, descriptor, options);
  return { descriptor, index: written };
}

/** Reads a list, changes it, and writes it back; of two processes that do so at once the second waits, so that no member is lost. */
export async function changeList(
  store: Store,
  name: Reference,
  change: (index: Index) => Index,
  options: ContentOptions = {},
): Promise<ManifestList> {
  await store.lease(); // makes the directory, and keeps what is being written
  return withLock(
    join(store.path, 'sealos', 'lock.lists'),
    async () => writeList(store, name, change((await readList(store, name, options)).index), options),
    options,
  );
}
