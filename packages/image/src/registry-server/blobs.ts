import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import type { Digest } from '../digest.ts';
import { isRepository } from '../reference.ts';
import { type Answer, Refusal } from './answer.ts';
import type { RegistryContent } from './registry-content.ts';
import { digestFrom } from './route.ts';
import { claimedRange, statusHeaders, type Uploads } from './uploads.ts';

interface Blob {
  readonly repository: string;
  readonly digest: Digest;
}

const unknown = ({ repository }: Blob) => new Refusal(404, 'BLOB_UNKNOWN', `${repository} has no such blob`);

/** GET and HEAD of a blob, whole or one range of it (RFC 9110, 14.2). */
export async function readBlob(content: RegistryContent, request: IncomingMessage, blob: Blob): Promise<Answer> {
  const { repository, digest } = blob;
  const headers = {
    'content-type': 'application/octet-stream',
    'docker-content-digest': digest,
    etag: `"${digest}"`,
    'cache-control': 'max-age=31536000',
    'accept-ranges': 'bytes',
  };
  if (request.method === 'HEAD' || request.headers['if-none-match'] === headers.etag) {
    const size = await content.blobSize(repository, digest);
    if (size === undefined) throw unknown(blob);
    if (request.method !== 'HEAD') return { status: 304, headers };
    return { status: 200, headers: { ...headers, 'content-length': String(size) } };
  }
  const file = await content.openBlob(repository, digest);
  if (file === undefined) throw unknown(blob);
  const { size } = file;
  const range = requestedRange(request.headers.range, size);
  if (range === 'unsatisfiable') {
    await file.close();
    throw new Refusal(416, 'SIZE_INVALID', `the blob has ${size} bytes`, { 'content-range': `bytes */${size}` });
  }
  const first = range?.first ?? 0;
  const last = range?.last ?? size - 1;
  const length = { 'content-length': String(last - first + 1) };
  if (size === 0) {
    await file.close();
    return { status: 200, headers: { ...headers, ...length }, body: Readable.from([]) };
  }
  const body = file.read(first, last);
  if (range === undefined) return { status: 200, headers: { ...headers, ...length }, body };
  return { status: 206, headers: { ...headers, ...length, 'content-range': `bytes ${first}-${last}/${size}` }, body };
}

export async function removeBlob(content: RegistryContent, blob: Blob): Promise<Answer> {
  if (!(await content.unlinkBlob(blob.repository, blob.digest))) throw unknown(blob);
  return { status: 202, headers: { 'docker-content-digest': blob.digest } };
}

/** POST: takes the blob over from another repository, or takes it whole, or begins an upload. */
export async function beginBlob(
  content: RegistryContent,
  uploads: Uploads,
  request: IncomingMessage,
  repository: string,
  query: URLSearchParams,
): Promise<Answer> {
  const mount = query.get('mount');
  const from = query.get('from');
  if (mount !== null && from !== null) {
    const digest = digestFrom(mount);
    if (isRepository(from) && (await content.blobSize(from, digest)) !== undefined) {
      await content.linkBlob(repository, digest);
      return created({ repository, digest });
    }
  }
  const digest = query.get('digest');
  const wanted = digest === null || mount !== null ? undefined : digestFrom(digest);
  const session = await uploads.begin(repository);
  if (wanted === undefined) return { status: 202, headers: statusHeaders(session) };
  try {
    await uploads.complete(session, request, undefined, wanted);
  } catch (error) {
    await uploads.cancel(session).catch(() => {});
    throw error;
  }
  return created({ repository, digest: wanted });
}

/** GET, PATCH, PUT and DELETE of an upload. */
export async function continueBlob(
  uploads: Uploads,
  request: IncomingMessage,
  { repository, id }: { readonly repository: string; readonly id: string },
  query: URLSearchParams,
): Promise<Answer> {
  const session = uploads.find(repository, id);
  switch (request.method) {
    case 'DELETE':
      await uploads.cancel(session);
      return { status: 204 };
    case 'PATCH':
      await uploads.append(session, request, claimedRange(request));
      return { status: 202, headers: statusHeaders(session) };
    case 'PUT': {
      const digest = digestFrom(query.get('digest') ?? '');
      await uploads.complete(session, request, claimedRange(request), digest);
      return created({ repository, digest });
    }
    default:
      return { status: 204, headers: statusHeaders(session) };
  }
}

function created({ repository, digest }: Blob): Answer {
  return { status: 201, headers: { location: `/v2/${repository}/blobs/${digest}`, 'docker-content-digest': digest } };
}

// One range is served; several, or another unit, are answered with the whole, as RFC 9110 allows.
function requestedRange(
  header: string | undefined,
  size: number,
): { readonly first: number; readonly last: number } | 'unsatisfiable' | undefined {
  const [, from = '', to = ''] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header?.trim() ?? '') ?? [];
  if (from === '' && to === '') return undefined;
  if (from === '') return Number(to) === 0 || size === 0 ? 'unsatisfiable' : { first: Math.max(0, size - Number(to)), last: size - 1 };
  const first = Number(from);
  if (to !== '' && Number(to) < first) return undefined;
  return first >= size ? 'unsatisfiable' : { first, last: to === '' ? size - 1 : Math.min(Number(to), size - 1) };
}
