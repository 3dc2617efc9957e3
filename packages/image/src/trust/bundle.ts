import type { KeyObject } from 'node:crypto';
import * as v from 'valibot';
import type { ContentOptions, ContentSource } from '../content.ts';
import { type Digest, hexOf } from '../digest.ts';
import { SealosError } from '../error.ts';
import { readTree } from '../image-tree.ts';
import { parseJson } from '../json.ts';
import type { Descriptor } from '../manifest.ts';
import type { Reference } from '../reference.ts';
import type { Carried, Place } from './carry.ts';
import { carryReferrers, listReferrers, readReferrer } from './referrers.ts';
import { isSignedBy } from './signature.ts';
import type { SignedClaim } from './simple-signing.ts';

/** What cosign signs from its third version on: an in-toto statement about the image, in a Sigstore bundle that refers to it (cosign's BUNDLE_SPEC). */
export interface SignedStatement {
  readonly payloadType: string;
  readonly payload: Buffer;
  readonly signatures: readonly Buffer[];
}

/** `application/vnd.dev.sigstore.bundle.v0.3+json`, before that `application/vnd.dev.sigstore.bundle+json;version=0.2`. */
const BUNDLE = /^application\/vnd\.dev\.sigstore\.bundle[.+]/;
const CONTENT_ANNOTATION = 'dev.sigstore.bundle.content';
const BUNDLES_LIMIT = 100;
const BUNDLE_LIMIT = 1024 * 1024;
const IN_TOTO = 'application/vnd.in-toto+json';
const STATEMENT = /^https:\/\/in-toto\.io\/Statement\/v(0\.1|1)$/;
const PREDICATE = 'https://sigstore.dev/cosign/sign/v1';

const base64 = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z0-9+/_-]*={0,2}$/),
  v.transform((text) => Buffer.from(text, 'base64')),
);
const bundleSchema = v.object({
  dsseEnvelope: v.object({ payload: base64, payloadType: v.string(), signatures: v.array(v.object({ sig: base64 })) }),
});
const statementSchema = v.object({
  _type: v.pipe(v.string(), v.regex(STATEMENT)),
  predicateType: v.literal(PREDICATE),
  subject: v.array(
    v.object({
      name: v.optional(v.string()),
      digest: v.record(v.string(), v.string()),
      annotations: v.nullish(v.record(v.string(), v.unknown())),
    }),
  ),
});

/** Whether something that refers to an image is a bundle. cosign up to 3.0 had the type of the empty config in lists of referrers. */
function isBundle({ artifactType = '', annotations }: Descriptor): boolean {
  return BUNDLE.test(artifactType) || annotations?.[CONTENT_ANNOTATION] === 'dsse-envelope';
}

/** The signed statements about a content that a source has. What is none is passed over: anybody may let anything refer to an image. */
export async function readBundles(
  source: ContentSource,
  reference: Reference,
  subject: Digest,
  options: ContentOptions = {},
): Promise<readonly SignedStatement[]> {
  const bundles = (await listReferrers(source, reference, subject, options)).filter(isBundle).slice(0, BUNDLES_LIMIT);
  const statements: SignedStatement[] = [];
  for (const bundle of bundles) {
    const bytes = await readBundle(source, reference, bundle, options);
    const statement = bytes && parseBundle(bytes);
    if (statement) statements.push(statement);
  }
  return statements;
}

/** Copies the bundles that refer to a content from one place to another. One that is too big or broken is left behind: it is no signature. */
export async function carryBundles(source: ContentSource, sink: Place, carried: Carried, options: ContentOptions = {}): Promise<void> {
  await carryReferrers(source, sink, carried, options, async (name, referrer) => {
    if (!isBundle(referrer)) return undefined;
    const tree = await readTree(source, name, referrer, options.signal).catch(unlessUnreadable);
    if (tree === undefined || tree.blobs.reduce((sum, { size }) => sum + size, 0) > BUNDLE_LIMIT) return undefined;
    return (await readBundle(source, name, referrer, options)) && tree;
  });
}

function readBundle(source: ContentSource, reference: Reference, bundle: Descriptor, options: ContentOptions): Promise<Buffer | undefined> {
  return readReferrer(source, reference, bundle, { ...options, limit: BUNDLE_LIMIT }).catch(unlessUnreadable);
}

function unlessUnreadable(error: unknown): undefined {
  if (error instanceof SealosError && ['bad-content', 'bad-manifest', 'content-not-found', 'image-not-found'].includes(error.code)) return;
  throw error;
}

function parseBundle(bytes: Buffer): SignedStatement | undefined {
  const parsed = v.safeParse(bundleSchema, jsonOrNothing(bytes));
  if (!parsed.success) return undefined;
  const { payload, payloadType, signatures } = parsed.output.dsseEnvelope;
  return { payload, payloadType, signatures: signatures.map(({ sig }) => sig) };
}

/** What a statement says; undefined when the key did not sign it, or it is no signature of an image, or about another than `subject`. */
export function statementBy(signed: SignedStatement, subject: Digest, key: KeyObject): SignedClaim | undefined {
  const { payload, payloadType, signatures } = signed;
  if (payloadType !== IN_TOTO) return undefined;
  const bytes = preAuthenticated(payloadType, payload);
  if (!signatures.some((signature) => isSignedBy(bytes, signature, key))) return undefined;
  const statement = v.safeParse(statementSchema, jsonOrNothing(payload));
  if (!statement.success) return undefined;
  const about = statement.output.subject.find(({ digest }) => digest['sha256'] === hexOf(subject));
  return about && { identity: about.name || undefined, digest: subject, annotations: about.annotations ?? {} };
}

/** DSSE's protocol, PAE: what is signed names its own type. */
function preAuthenticated(type: string, payload: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`DSSEv1 ${Buffer.byteLength(type)} ${type} ${payload.length} `), payload]);
}

function jsonOrNothing(bytes: Buffer): unknown {
  try {
    return parseJson(bytes, 'the bundle');
  } catch {
    return undefined;
  }
}
