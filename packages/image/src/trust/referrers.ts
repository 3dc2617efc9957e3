import type { ContentOptions, ContentSource } from '../content.ts';
import { type Digest, digestOf } from '../digest.ts';
import { SealosError } from '../error.ts';
import { type ImageTree, readTree } from '../image-tree.ts';
import type { Descriptor, Index, Manifest } from '../manifest.ts';
import { parseIndex, parseManifest } from '../manifest-parse.ts';
import { isIndex, OCI_EMPTY, OCI_INDEX, OCI_MANIFEST } from '../media-types.ts';
import type { Reference } from '../reference.ts';
import { readContent } from '../verify.ts';
import { attachmentReference } from './attachment.ts';
import { type Carried, carrySignatures, type Document, type Place, writeContents, writeDocuments } from './carry.ts';
import { optional } from './signatures.ts';

const REFERRERS_LIMIT = 200;
const CONTENT_LIMIT = 64 * 1024 * 1024;

/** A source that may have an API for referrers; undefined: it has not, and keeps them under a tag. */
interface ReferrerSource {
  referrers(reference: Reference, digest: Digest, options?: ContentOptions): Promise<readonly Descriptor[] | undefined>;
}

/** A document about a content: an SBOM, a provenance. */
export interface NewReferrer {
  readonly subject: Descriptor;
  readonly artifactType: string;
  readonly content: Buffer;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/** What refers to a content at a source: from its API, else from the index under the tag made of the digest (distribution-spec 1.1). */
export async function listReferrers(
  source: ContentSource,
  reference: Reference,
  subject: Digest,
  options: ContentOptions = {},
): Promise<readonly Descriptor[]> {
  const known = hasApi(source) ? await source.referrers(reference, subject, options) : undefined;
  if (known !== undefined) return known.slice(0, REFERRERS_LIMIT);
  const name = attachmentReference(reference, subject, '');
  const descriptor = await optional(source.resolve(name, options));
  if (descriptor === undefined || !isIndex(descriptor.mediaType)) return [];
  const { manifests } = parseIndex(await readContent(source, name, descriptor, options), descriptor.mediaType);
  return manifests.filter(({ mediaType }) => mediaType === OCI_MANIFEST).slice(0, REFERRERS_LIMIT);
}

/** Writes a document about a content of the store or of a registry, and lets it be found. Returns its manifest. */
export async function attachReferrer(
  place: Place,
  reference: Reference,
  added: NewReferrer,
  options: ContentOptions = {},
): Promise<Descriptor> {
  const { subject, artifactType, content, annotations } = added;
  const { mediaType, digest, size } = subject;
  const empty = Buffer.from('{}');
  const config = describe(empty, OCI_EMPTY);
  const layer = describe(content, artifactType);
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    artifactType,
    config,
    layers: [layer],
    subject: { mediaType, digest, size },
    ...(annotations === undefined ? {} : { annotations }),
  };
  const bytes = Buffer.from(JSON.stringify(manifest));
  const described = describe(bytes, OCI_MANIFEST);
  const documents: readonly Document[] = [
    { descriptor: config, bytes: empty },
    { descriptor: layer, bytes: content },
    { descriptor: described, bytes },
  ];
  await writeContents(place, byDigest(reference, described.digest), documents, options);
  const entry = { ...described, artifactType, ...(annotations === undefined ? {} : { annotations }) };
  await makeKnown(place, reference, digest, [entry], options);
  return entry;
}

/** The content of a referrer that has one. Throws `bad-content` for one that has none, several, or more than the limit (64 MiB). */
export async function readReferrer(
  source: ContentSource,
  reference: Reference,
  referrer: Descriptor,
  options: ContentOptions & { readonly limit?: number } = {},
): Promise<Buffer> {
  const name = byDigest(reference, referrer.digest);
  const { layers } = parseManifest(await readContent(source, name, referrer, options), referrer.mediaType);
  const [layer, other] = layers;
  if (layer === undefined || other !== undefined)
    throw new SealosError('bad-content', `${referrer.digest.slice(0, 19)} has ${layers.length} contents`, { exitCode: 2 });
  return readContent(source, name, layer, { limit: CONTENT_LIMIT, ...options });
}

/** Reads something that refers to a content, with all that it leads to; undefined: it is left behind. */
export type ReadReferrer = (name: Reference, referrer: Descriptor) => Promise<ImageTree | undefined>;

/** Copies what refers to a content from one place to another, with the signatures over it. */
export async function carryReferrers(
  source: ContentSource,
  sink: Place,
  carried: Carried,
  options: ContentOptions = {},
  read: ReadReferrer = (name, referrer) => readTree(source, name, referrer, options.signal),
): Promise<void> {
  const { from, to, subject } = carried;
  const found = await listReferrers(source, from, subject, options);
  const sent: Descriptor[] = [];
  for (const entry of found) {
    const there = byDigest(from, entry.digest);
    const tree = await read(there, entry);
    if (tree === undefined) continue;
    const { documents, blobs } = tree;
    const document = documents.at(-1);
    // What the list says is checked against the manifest: it may be anybody's.
    if (document === undefined || parseManifest(document.bytes, OCI_MANIFEST).subject?.digest !== subject) continue;
    const here = byDigest(to, entry.digest);
    for (const blob of blobs) {
      if (!(await sink.has(here, blob, options))) await sink.write(here, blob, await source.fetch(there, blob, options), options);
    }
    await writeContents(sink, here, documents, options);
    await carrySignatures(source, sink, { from, to, subject: entry.digest }, options);
    sent.push(entry);
  }
  if (sent.length > 0) await makeKnown(sink, to, subject, sent, options);
}

/** Copies all that belongs to a content: its signatures and what refers to it. */
export async function carryAttached(source: ContentSource, sink: Place, carried: Carried, options: ContentOptions = {}): Promise<void> {
  await carrySignatures(source, sink, carried, options);
  await carryReferrers(source, sink, carried, options);
}

// A registry with the API has found them by itself. Elsewhere the index under the tag is the client's to keep.
async function makeKnown(
  place: Place,
  reference: Reference,
  subject: Digest,
  entries: readonly Descriptor[],
  options: ContentOptions,
): Promise<void> {
  const known = await listReferrers(place, reference, subject, options);
  const missing = entries.filter(({ digest }) => !known.some((one) => one.digest === digest));
  if (missing.length === 0) return;
  const index: Index = { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [...known, ...missing] };
  const bytes = Buffer.from(JSON.stringify(index));
  await writeDocuments(place, attachmentReference(reference, subject, ''), [{ descriptor: describe(bytes, OCI_INDEX), bytes }], options);
}

function hasApi(source: ContentSource): source is ContentSource & ReferrerSource {
  return 'referrers' in source;
}

function byDigest({ registry, repository }: Reference, digest: Digest): Reference {
  return { registry, repository, digest };
}

function describe(bytes: Buffer, mediaType: string): Descriptor {
  return { mediaType, digest: digestOf(bytes), size: bytes.length };
}
