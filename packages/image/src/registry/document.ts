import type { Readable } from 'node:stream';
import { digestOf, isDigest } from '../digest.ts';
import { parseJson } from '../json.ts';
import type { Descriptor } from '../manifest.ts';
import { isIndex, isManifest, OCI_INDEX, OCI_MANIFEST } from '../media-types.ts';
import type { Reference } from '../reference.ts';
import { mismatch } from '../verify.ts';
import type { HttpResponse } from './transport.ts';

const DOCKER_SCHEMA_1 = 'application/vnd.docker.distribution.manifest.v1+json';

/** What the headers of an answer say about a manifest or index; undefined when they do not say all of it. */
export function describeHeaders(response: HttpResponse): Descriptor | undefined {
  const mediaType = typeOf(response);
  const digest = response.header('docker-content-digest') ?? '';
  const size = Number(response.header('content-length') ?? Number.NaN);
  if (mediaType === undefined || !isDigest(digest) || !Number.isSafeInteger(size) || size <= 0) return undefined;
  return { mediaType, digest, size };
}

/** What the document in an answer is, found out from itself. Throws `bad-content`. */
export function describeBody(response: HttpResponse, bytes: Buffer): Descriptor {
  return {
    mediaType: typeOf(response) ?? mediaTypeIn(bytes, response.header('content-type')),
    digest: digestOf(bytes),
    size: bytes.length,
  };
}

/** Refuses (`content-mismatch`) another document than the one whose digest the reference names. */
export function checked(descriptor: Descriptor, reference: Reference): Descriptor {
  if (reference.digest !== undefined && reference.digest !== descriptor.digest) {
    throw mismatch({ ...descriptor, digest: reference.digest }, { digest: descriptor.digest });
  }
  return descriptor;
}

/** A document's bytes in memory, verified. Throws `content-mismatch`. */
export async function collect(body: Readable, descriptor: Descriptor): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  const digest = digestOf(bytes);
  if (digest !== descriptor.digest) throw mismatch(descriptor, { digest });
  return bytes;
}

// A type that is none of ours says little: file servers and proxies send `application/octet-stream` or text for a manifest.
function typeOf(response: HttpResponse): string | undefined {
  const type = response.header('content-type')?.split(';')[0]?.trim();
  return type !== undefined && (isManifest(type) || isIndex(type)) ? type : undefined;
}

function mediaTypeIn(bytes: Buffer, announced: string | undefined): string {
  const document = parseJson(bytes, 'the manifest');
  if (document !== null && typeof document === 'object') {
    if ('mediaType' in document && typeof document.mediaType === 'string') return document.mediaType;
    if ('manifests' in document) return OCI_INDEX;
    if ('schemaVersion' in document && document.schemaVersion === 1) return announced ?? DOCKER_SCHEMA_1;
  }
  return OCI_MANIFEST;
}
