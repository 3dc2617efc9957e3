import type { KeyObject } from 'node:crypto';
import type { ContentOptions, ContentSource } from '../content.ts';
import { type Digest, digestOf } from '../digest.ts';
import { SealosError } from '../error.ts';
import type { Descriptor, Manifest } from '../manifest.ts';
import { parseManifest } from '../manifest-parse.ts';
import { OCI_CONFIG, OCI_MANIFEST } from '../media-types.ts';
import type { Reference } from '../reference.ts';
import { readContent } from '../verify.ts';
import { attachmentReference } from './attachment.ts';
import { isSignedBy } from './signature.ts';
import { parseClaim, SIGNATURE_ANNOTATION, SIMPLE_SIGNING, type SignedClaim } from './simple-signing.ts';

/** A payload with a signature over it: neither is believed before the signature was checked with a trusted key. */
export interface StoredSignature {
  readonly payload: Buffer;
  /** As it is in the manifest: with the signature in its annotations, and whatever else cosign put there. */
  readonly layer: Descriptor;
}

const PAYLOAD_LIMIT = 64 * 1024;
const SIGNATURES_LIMIT = 100;

/** All signatures of a content that a source has; none when it has none. Payloads are those that their descriptors name. */
export async function readSignatures(
  source: ContentSource,
  reference: Reference,
  subject: Digest,
  options: ContentOptions = {},
): Promise<readonly StoredSignature[]> {
  const name = attachmentReference(reference, subject, '.sig');
  const descriptor = await optional(source.resolve(name, options));
  if (descriptor === undefined || descriptor.mediaType !== OCI_MANIFEST) return [];
  const manifest = parseManifest(await readContent(source, name, descriptor, options), descriptor.mediaType);
  const layers = manifest.layers.filter(
    ({ mediaType, annotations }) => mediaType === SIMPLE_SIGNING && annotations?.[SIGNATURE_ANNOTATION],
  );
  const signatures: StoredSignature[] = [];
  const payloads = new Map<Digest, Buffer>();
  for (const layer of layers.slice(0, SIGNATURES_LIMIT)) {
    const payload = payloads.get(layer.digest) ?? (await readContent(source, name, layer, { ...options, limit: PAYLOAD_LIMIT }));
    payloads.set(layer.digest, payload);
    signatures.push({ payload, layer });
  }
  return signatures;
}

/** What a signature by the key says; undefined when the key did not make it or it is about something else than `subject`. */
export function claimBy(signature: StoredSignature, subject: Digest, key: KeyObject): SignedClaim | undefined {
  const bytes = Buffer.from(signature.layer.annotations?.[SIGNATURE_ANNOTATION] ?? '', 'base64');
  if (!isSignedBy(signature.payload, bytes, key)) return undefined;
  const claim = parseClaim(signature.payload);
  return claim?.digest === subject ? claim : undefined;
}

/** Both lists, each signature once. */
export function mergeSignatures(a: readonly StoredSignature[], b: readonly StoredSignature[]): readonly StoredSignature[] {
  const key = ({ layer }: StoredSignature) => `${layer.digest} ${layer.annotations?.[SIGNATURE_ANNOTATION]}`;
  return [...new Map([...a, ...b].map((signature) => [key(signature), signature])).values()];
}

/** The documents that hold signatures, as cosign writes them; the manifest is the last. */
export function signatureDocuments(
  signatures: readonly StoredSignature[],
): readonly { readonly descriptor: Descriptor; readonly bytes: Buffer }[] {
  const config = Buffer.from(
    JSON.stringify({
      architecture: '',
      created: '0001-01-01T00:00:00Z',
      history: signatures.map(() => ({ created: '0001-01-01T00:00:00Z' })),
      os: '',
      rootfs: { type: 'layers', diff_ids: signatures.map(({ layer }) => layer.digest) },
      config: {},
    }),
  );
  const described = describe(config, OCI_CONFIG);
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: described,
    layers: signatures.map(({ layer }) => layer),
  };
  const document = Buffer.from(JSON.stringify(manifest));
  return [
    ...signatures.map(({ layer, payload }) => ({ descriptor: layer, bytes: payload })),
    { descriptor: described, bytes: config },
    { descriptor: describe(document, OCI_MANIFEST), bytes: document },
  ];
}

function describe(bytes: Buffer, mediaType: string): Descriptor {
  return { mediaType, digest: digestOf(bytes), size: bytes.length };
}

/** What is not there is undefined. */
export async function optional<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof SealosError && (error.code === 'image-not-found' || error.code === 'content-not-found')) return undefined;
    throw error;
  }
}
