import { Readable } from 'node:stream';
import type { ContentOptions, ContentSink, ContentSource } from '../content.ts';
import type { Digest } from '../digest.ts';
import type { Descriptor } from '../manifest.ts';
import type { Reference } from '../reference.ts';
import { attachmentReference } from './attachment.ts';
import { mergeSignatures, readSignatures, type StoredSignature, signatureDocuments } from './signatures.ts';

/** A place that signatures can be read from and added to: the store, or registries. */
export type Place = ContentSource & ContentSink;

export interface Carried {
  /** A name in the repository that is read, and one in that which is written. */
  readonly from: Reference;
  readonly to: Reference;
  readonly subject: Digest;
}

/** Adds the signatures that one place has of a content to those of another. Returns how many are new there. */
export async function carrySignatures(source: ContentSource, sink: Place, carried: Carried, options: ContentOptions = {}): Promise<number> {
  const found = await readSignatures(source, carried.from, carried.subject, options);
  return found.length === 0 ? 0 : addSignatures(sink, carried.to, carried.subject, found, options);
}

/** Adds signatures to those that a place has of a content; the payloads first, the manifest and its tag last. Returns how many are new. */
export async function addSignatures(
  sink: Place,
  reference: Reference,
  subject: Digest,
  added: readonly StoredSignature[],
  options: ContentOptions = {},
): Promise<number> {
  const known = await readSignatures(sink, reference, subject, options);
  const all = mergeSignatures(known, added);
  if (all.length === known.length) return 0;
  const name = attachmentReference(reference, subject, '.sig');
  await writeDocuments(sink, name, signatureDocuments(all), options);
  return all.length - known.length;
}

/** Writes documents in their order, and names the last. */
export async function writeDocuments(
  sink: ContentSink,
  name: Reference,
  documents: readonly Document[],
  options: ContentOptions = {},
): Promise<void> {
  await writeContents(sink, name, documents, options);
  const last = documents.at(-1);
  if (last !== undefined) await sink.tag(name, last.descriptor, options);
}

/** A content that is in memory. */
export interface Document {
  readonly descriptor: Descriptor;
  readonly bytes: Buffer;
}

/** Writes documents in their order, as far as they are not there. */
export async function writeContents(
  sink: ContentSink,
  name: Reference,
  documents: readonly Document[],
  options: ContentOptions = {},
): Promise<void> {
  for (const { descriptor, bytes } of documents) {
    if (await sink.has(name, descriptor, options)) continue;
    await sink.write(name, descriptor, Readable.from([bytes], { objectMode: false }), options);
  }
}
