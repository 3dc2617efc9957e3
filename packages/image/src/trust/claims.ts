import type { KeyObject } from 'node:crypto';
import type { ContentOptions, ContentSource } from '../content.ts';
import type { Digest } from '../digest.ts';
import type { Reference } from '../reference.ts';
import { readBundles, statementBy } from './bundle.ts';
import { claimBy, readSignatures } from './signatures.ts';
import type { SignedClaim } from './simple-signing.ts';

/** A signature of an image in either of cosign's forms: what it says by this key, or undefined when it is not by the key or about something else. */
export type ImageSignature = (key: KeyObject) => SignedClaim | undefined;

/** All signatures of a content that a source has. */
export async function readClaims(
  source: ContentSource,
  reference: Reference,
  subject: Digest,
  options: ContentOptions = {},
): Promise<readonly ImageSignature[]> {
  const signatures = await readSignatures(source, reference, subject, options);
  const bundles = await readBundles(source, reference, subject, options);
  return [
    ...signatures.map((signature) => (key: KeyObject) => claimBy(signature, subject, key)),
    ...bundles.map((bundle) => (key: KeyObject) => statementBy(bundle, subject, key)),
  ];
}
