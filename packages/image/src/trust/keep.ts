import type { ContentOptions, ContentSource } from '../content.ts';
import type { Digest } from '../digest.ts';
import type { Descriptor } from '../manifest.ts';
import { isIndex } from '../media-types.ts';
import { parseReference, type Reference } from '../reference.ts';
import type { Store } from '../store.ts';
import { readContent } from '../verify.ts';
import { attachmentReference } from './attachment.ts';
import { writeDocuments } from './carry.ts';
import { carryAttached } from './referrers.ts';
import { optional } from './signatures.ts';

// In the store an attachment is found by its content, whatever the repository.
const ANYWHERE: Reference = parseReference('localhost/attachment');

/** Takes into the store what an archive has beside these manifests and indexes: the indexes they were picked from, signatures and referrers. */
export async function keepAttachments(
  source: ContentSource,
  store: Store,
  subjects: readonly Digest[],
  options: ContentOptions = {},
): Promise<void> {
  const lists: Digest[] = [];
  for (const subject of subjects) {
    const list = await listOf(source, subject, options);
    if (list === undefined) continue;
    const bytes = await readContent(source, ANYWHERE, list, options);
    await writeDocuments(store, attachmentReference(ANYWHERE, subject, '.list'), [{ descriptor: list, bytes }], options);
    lists.push(list.digest);
  }
  for (const subject of new Set([...subjects, ...lists]))
    await carryAttached(source, store, { from: ANYWHERE, to: ANYWHERE, subject }, options);
}

async function listOf(source: ContentSource, subject: Digest, options: ContentOptions): Promise<Descriptor | undefined> {
  const list = await optional(source.resolve(attachmentReference(ANYWHERE, subject, '.list'), options));
  return list !== undefined && isIndex(list.mediaType) ? list : undefined;
}
