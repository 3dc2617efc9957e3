import { createPublicKey, type KeyObject } from 'node:crypto';
import type { ContentOptions } from '../content.ts';
import { type Digest, digestOf } from '../digest.ts';
import { parseIndex } from '../manifest-parse.ts';
import { isIndex } from '../media-types.ts';
import { formatReference, type Reference } from '../reference.ts';
import { readContent } from '../verify.ts';
import { addSignatures, type Place } from './carry.ts';
import { signBytes } from './signature.ts';
import { claimBy, readSignatures, type StoredSignature } from './signatures.ts';
import { formatClaim, SIGNATURE_ANNOTATION, SIMPLE_SIGNING } from './simple-signing.ts';

export interface SignOptions extends ContentOptions {
  /** The private key. */
  readonly key: KeyObject;
  /** The name that is claimed; default: the image's. */
  readonly identity?: string | undefined;
  /** What is signed besides. */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  /** Of an index, sign what it lists too. */
  readonly recursive?: boolean | undefined;
}

export interface SignedContent {
  readonly digest: Digest;
  /** False when the key had signed the same before. */
  readonly isNew: boolean;
}

/** Signs what a name means in the store or at a registry, in cosign's form, beside the signatures that are there. */
export async function signImage(place: Place, reference: Reference, options: SignOptions): Promise<readonly SignedContent[]> {
  const descriptor = await place.resolve(reference, options);
  const digests = [descriptor.digest];
  if (options.recursive && isIndex(descriptor.mediaType)) {
    const index = parseIndex(await readContent(place, reference, descriptor, options), descriptor.mediaType);
    digests.push(...index.manifests.map(({ digest }) => digest));
  }
  const signed: SignedContent[] = [];
  for (const digest of new Set(digests)) signed.push({ digest, isNew: await signOne(place, reference, digest, options) });
  return signed;
}

async function signOne(place: Place, reference: Reference, subject: Digest, options: SignOptions): Promise<boolean> {
  const { key, annotations = {} } = options;
  const payload = formatClaim({ identity: options.identity ?? identityOf(reference), digest: subject, annotations });
  const publicKey = createPublicKey(key);
  const digest = digestOf(payload);
  const isOurs = (known: StoredSignature) => known.layer.digest === digest && claimBy(known, subject, publicKey) !== undefined;
  if ((await readSignatures(place, reference, subject, options)).some(isOurs)) return false;
  const signature = signBytes(payload, key).toString('base64');
  const layer = { mediaType: SIMPLE_SIGNING, digest, size: payload.length, annotations: { [SIGNATURE_ANNOTATION]: signature } };
  await addSignatures(place, reference, subject, [{ payload, layer }], options);
  return true;
}

// With its tag, as containers' tools write and by default demand it. By the tag alone where both are given: the digest is signed anyway.
function identityOf(reference: Reference): string {
  const { registry, repository, tag } = reference;
  return formatReference(tag === undefined ? reference : { registry, repository, tag });
}
