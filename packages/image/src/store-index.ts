import { link, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeAtomic } from './atomic.ts';
import type { Digest } from './digest.ts';
import { SealosError } from './error.ts';
import { JSON_LIMIT } from './json.ts';
import type { Descriptor, Index } from './manifest.ts';
import { parseIndex } from './manifest-parse.ts';
import { OCI_INDEX } from './media-types.ts';
import { formatReference, isSameRepository, parseReference, type Reference } from './reference.ts';
import { attachmentSubject } from './trust/attachment.ts';

/** image-spec image-layout.md: the annotation that names an entry of `index.json`; ours are full canonical names. */
export const REF_NAME = 'org.opencontainers.image.ref.name';

/** Our annotation of an entry without a name: the tag under which it belongs to another content, in whatever repository. */
export const ATTACHMENT = 'io.sealos.attachment';

/** One name in a store. */
export interface StoredImage {
  readonly reference: Reference;
  /** Its manifest or index. */
  readonly descriptor: Descriptor;
}

/** Reads a layout's `index.json`. Throws `bad-store`. */
export async function readLayoutIndex(path: string): Promise<Index> {
  const file = join(path, 'index.json');
  try {
    return parseIndex(await readFile(file), OCI_INDEX);
  } catch (error) {
    throw new SealosError('bad-store', `${file} cannot be read: ${error instanceof Error ? error.message : error}`, {
      cause: error,
      hint: 'the directory has to be an OCI image layout',
    });
  }
}

/** Replaces a layout's `index.json`. */
export async function writeLayoutIndex(path: string, manifests: readonly Descriptor[]): Promise<void> {
  const index: Index = { schemaVersion: 2, mediaType: OCI_INDEX, manifests };
  const text = `${JSON.stringify(index, undefined, 2)}\n`;
  if (Buffer.byteLength(text) > JSON_LIMIT)
    throw new SealosError('store-full', `${path} cannot hold more than its ${manifests.length} names`, {
      hint: "remove some with 'sealos rmi'",
    });
  await writeAtomic(join(path, 'index.json'), text);
}

/** Makes an empty `index.json`, unless another process was first. */
export async function createLayoutIndex(path: string): Promise<void> {
  const draft = join(path, `.index.json.${process.pid}`);
  try {
    await writeFile(draft, `${JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [] })}\n`);
    await link(draft, join(path, 'index.json')).catch((error: unknown) => {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    });
  } finally {
    await rm(draft, { force: true });
  }
}

/** The name of an entry; undefined for one without, or with a name that is none. Short names of other tools are completed. */
export function nameOf(entry: Descriptor): Reference | undefined {
  const text = entry.annotations?.[REF_NAME];
  if (text === undefined) return undefined;
  try {
    return parseReference(text);
  } catch {
    return undefined;
  }
}

/** The named images of an index, in order of their names. */
export function namedImages(index: Index): readonly StoredImage[] {
  const images: { readonly name: string; readonly image: StoredImage }[] = [];
  for (const entry of index.manifests) {
    const reference = nameOf(entry);
    if (reference !== undefined) images.push({ name: formatReference(reference), image: { reference, descriptor: bare(entry) } });
  }
  images.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  return images.map(({ image }) => image);
}

/** What a name means: the entry of that name; for a name with a digest, any entry of the repository with it. */
export function findImage(index: Index, reference: Reference): StoredImage | undefined {
  const key = keyOf(reference);
  const entry = index.manifests.find((one) => keyOfEntry(one) === key);
  if (entry !== undefined) return { reference, descriptor: bare(entry) };
  if (reference.digest === undefined) return undefined;
  return namedImages(index).find((image) => isSameRepository(image.reference, reference) && image.descriptor.digest === reference.digest);
}

/** The entries with a name added, moved or, without descriptor, removed. */
export function withName(index: Index, reference: Reference, descriptor: Descriptor | undefined): readonly Descriptor[] {
  const key = keyOf(reference);
  const others = index.manifests.filter((entry) => keyOfEntry(entry) !== key);
  if (descriptor === undefined) return others;
  const annotation = key === reference.tag ? ATTACHMENT : REF_NAME;
  const entry = { ...bare(descriptor), annotations: { ...descriptor.annotations, [annotation]: key } };
  return [...others, entry].sort((a, b) => compare(keyOfEntry(a) ?? '', keyOfEntry(b) ?? ''));
}

/** The entries that belong to another content, and which tag and content that is. */
export function attachments(index: Index): readonly { readonly entry: Descriptor; readonly tag: string; readonly subject: Digest }[] {
  return index.manifests.flatMap((entry) => {
    const tag = entry.annotations?.[ATTACHMENT];
    const subject = attachmentSubject(tag);
    return tag === undefined || subject === undefined ? [] : [{ entry, tag, subject }];
  });
}

// What belongs to a content is found by the content's digest, in whatever repository the content has its name.
function keyOf(reference: Reference): string {
  const { tag, digest } = reference;
  return tag !== undefined && digest === undefined && attachmentSubject(tag) !== undefined ? tag : formatReference(reference);
}

function keyOfEntry(entry: Descriptor): string | undefined {
  const name = nameOf(entry);
  return entry.annotations?.[ATTACHMENT] ?? (name === undefined ? undefined : keyOf(name));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function bare(descriptor: Descriptor): Descriptor {
  const { mediaType, digest, size } = descriptor;
  return { mediaType, digest, size };
}
