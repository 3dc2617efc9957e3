import { digestOf, isDigest } from '../digest.ts';
import { JSON_LIMIT, parseJson } from '../json.ts';
import type { Descriptor } from '../manifest.ts';
import { OCI_INDEX, OCI_MANIFEST } from '../media-types.ts';
import type { Reference } from '../reference.ts';
import { mismatch } from '../verify.ts';
import { type HttpResponse, readBody } from './transport.ts';

/** What the headers of an answer say about a manifest or index; undefined when they do not say all of it. */
export function describeHeaders(response: HttpResponse): Descriptor | undefined {
  const mediaType = typeOf(response);
  const digest = response.header('docker-content-digest') ?? '';
  const size = Number(response.header('content-length') ?? Number.NaN);
  if (mediaType === undefined || !isDigest(digest) || !Number.isSafeInteger(size) || size <= 0) return undefined;
  return { mediaType, digest, size };
}

/** What the document in an answer is, found out from itself. Throws `bad-content`. */
export async function describeBody(response: HttpResponse): Promise<Descriptor> {
  const bytes = await readBody(response, JSON_LIMIT);
  return { mediaType: typeOf(response) ?? mediaTypeIn(bytes), digest: digestOf(bytes), size: bytes.length };
}

/** Refuses (`content-mismatch`) another document than the one whose digest the reference names. */
export function checked(descriptor: Descriptor, reference: Reference): Descriptor {
  if (reference.digest !== undefined && reference.digest !== descriptor.digest) {
    throw mismatch({ ...descriptor, digest: reference.digest }, { digest: descriptor.digest });
  }
  return descriptor;
}

function typeOf(response: HttpResponse): string | undefined {
  const type = response.header('content-type')?.split(';')[0]?.trim();
  return type === undefined || type === '' || type === 'application/json' || type.startsWith('text/') ? undefined : type;
}

function mediaTypeIn(bytes: Buffer): string {
  const document = parseJson(bytes, 'the manifest');
  if (document !== null && typeof document === 'object') {
    if ('mediaType' in document && typeof document.mediaType === 'string') return document.mediaType;
    if ('manifests' in document) return OCI_INDEX;
  }
  return OCI_MANIFEST;
}
