import { Readable } from 'node:stream';
import type { ContentSource } from '../content.ts';
import type { Digest } from '../digest.ts';
import { SealosError } from '../error.ts';
import { readTree } from '../image-tree.ts';
import type { Descriptor, Index } from '../manifest.ts';
import { parseIndex } from '../manifest-parse.ts';
import { OCI_INDEX } from '../media-types.ts';
import { familiarName, type Reference } from '../reference.ts';
import type { Store } from '../store.ts';
import { ATTACHMENT, attachments, readLayoutIndex } from '../store-index.ts';

/**
 * Where an archive lists the signatures and the like of its images: an index as in the store, each entry with its tag. Not in the
 * archive's index.json: several tools take an archive without asking for a name only when that lists one thing.
 */
export const ARCHIVED_ATTACHMENTS = 'sealos/attachments.json';

export interface Attached {
  /** Of the attachments, each with its tag. */
  readonly index: Index;
  /** Everything that they lead to. */
  readonly contents: readonly Descriptor[];
}

/** What the store has that belongs to these contents, and to what belongs to them. */
export async function attachedTo(store: Store, subjects: Iterable<Digest>, signal: AbortSignal | undefined): Promise<Attached> {
  const known = new Set(subjects);
  const contents = new Map<Digest, Descriptor>();
  const entries: Descriptor[] = [];
  let left = attachments(await readLayoutIndex(store.path));
  for (let found = left; found.length > 0; ) {
    found = left.filter(({ subject }) => known.has(subject));
    left = left.filter((one) => !found.includes(one));
    for (const { entry, tag } of found) {
      const { mediaType, digest, size } = entry;
      entries.push({ mediaType, digest, size, annotations: { [ATTACHMENT]: tag } });
      for (const content of await contentsOf(store, entry, tag, signal)) {
        contents.set(content.digest, content);
        known.add(content.digest);
      }
    }
  }
  return { index: { schemaVersion: 2, mediaType: OCI_INDEX, manifests: entries }, contents: [...contents.values()] };
}

// Of the index that a manifest was picked from only the document is kept, not the other platforms.
async function contentsOf(store: Store, entry: Descriptor, tag: string, signal: AbortSignal | undefined): Promise<readonly Descriptor[]> {
  if (tag.endsWith('.list')) return [entry];
  const reference: Reference = { registry: 'localhost', repository: 'attachment', tag };
  const { documents, blobs } = await readTree(store, reference, entry, signal);
  return [...blobs, ...documents.map(({ descriptor }) => descriptor)];
}

/** The attachments of an archive that was read, as a source. `read` gives a content's bytes; undefined when the archive has it not. */
export function archivedAttachments(
  bytes: Buffer | undefined,
  read: (digest: Digest) => Promise<Buffer | undefined>,
): ContentSource & { readonly index: Index } {
  const index: Index = bytes === undefined ? { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [] } : parseIndex(bytes, OCI_INDEX);
  return {
    index,
    async resolve(reference) {
      const found = attachments(index).find(({ tag }) => tag === reference.tag);
      if (found === undefined) throw new SealosError('image-not-found', `the archive has no ${familiarName(reference)}`);
      const { mediaType, digest, size } = found.entry;
      return { mediaType, digest, size };
    },
    async fetch(_reference, { digest }) {
      const content = await read(digest);
      if (content === undefined) throw new SealosError('content-not-found', `the archive lacks ${digest.slice(0, 19)}`);
      return Readable.from([content], { objectMode: false });
    },
  };
}
