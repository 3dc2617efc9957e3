import * as v from 'valibot';
import { type Digest, isDigest } from '../digest.ts';
import { parseJson } from '../json.ts';

/** cosign's SIGNATURE_SPEC: the media type of a signed payload, the annotation of its layer that holds the signature (base64). */
export const SIMPLE_SIGNING = 'application/vnd.dev.cosign.simplesigning.v1+json';
export const SIGNATURE_ANNOTATION = 'dev.cosignproject.cosign/signature';
const TYPE = 'cosign container image signature';

/** What a signature says: that this content is the image of that name. */
export interface SignedClaim {
  /** The name that the signer gave the image, as written; cosign itself leaves the tag away, from its third version on all of it. */
  readonly identity: string | undefined;
  readonly digest: Digest;
  readonly annotations: Readonly<Record<string, unknown>>;
}

const payload = v.object({
  critical: v.strictObject({
    identity: v.strictObject({ 'docker-reference': v.string() }),
    image: v.strictObject({ 'docker-manifest-digest': v.custom<Digest>((value) => typeof value === 'string' && isDigest(value)) }),
    type: v.literal(TYPE),
  }),
  optional: v.nullish(v.record(v.string(), v.unknown())),
});

/** The bytes to sign. The same claim gives the same bytes: no time is in them. */
export function formatClaim(claim: SignedClaim & { readonly identity: string }): Buffer {
  const { identity, digest, annotations } = claim;
  return Buffer.from(
    JSON.stringify({
      critical: { identity: { 'docker-reference': identity }, image: { 'docker-manifest-digest': digest }, type: TYPE },
      optional: Object.keys(annotations).length === 0 ? null : annotations,
    }),
  );
}

/** Reads a payload whose signature was checked; undefined when it claims something else than a container image. */
export function parseClaim(bytes: Uint8Array): SignedClaim | undefined {
  let value: unknown;
  try {
    value = parseJson(bytes, 'the signed payload');
  } catch {
    return undefined;
  }
  const parsed = v.safeParse(payload, value);
  if (!parsed.success) return undefined;
  const { critical, optional } = parsed.output;
  return {
    identity: critical.identity['docker-reference'],
    digest: critical.image['docker-manifest-digest'],
    annotations: optional ?? {},
  };
}
