import { type Digest, hexOf } from '../digest.ts';
import type { Reference } from '../reference.ts';

/**
 * What belongs to a content without being part of it, kept beside it under a tag made from its digest: `.sig` signatures (cosign's
 * SIGNATURE_SPEC), '' the index of its referrers (distribution-spec 1.1, referrers tag schema), `.list` the index that this
 * manifest was picked from, which only the store and archives have: its signature is the manifest's too.
 */
export type AttachmentSuffix = '.sig' | '' | '.list';

const TAG = /^sha256-([0-9a-f]{64})(\.[a-z]{1,12})?$/;

/** Under which name a content's attachment is found. */
export function attachmentReference(reference: Reference, subject: Digest, suffix: AttachmentSuffix): Reference {
  const { registry, repository } = reference;
  return { registry, repository, tag: `sha256-${hexOf(subject)}${suffix}` };
}

/** Whose attachment a tag is; undefined for an ordinary tag. */
export function attachmentSubject(tag: string | undefined): Digest | undefined {
  const hex = TAG.exec(tag ?? '')?.[1];
  return hex === undefined ? undefined : `sha256:${hex}`;
}
