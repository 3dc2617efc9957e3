import { createHash } from 'node:crypto';
import { openAsBlob } from 'node:fs';
import { SealosError } from '@sealos/image';
import { elementsOf, s3Request } from './s3-request.ts';
import type { S3Target } from './s3-target.ts';

export interface S3Transfer {
  readonly signal: AbortSignal;
  readonly onBytes?: ((sent: number) => void) | undefined;
}

/** Files up to this go in one request; S3 itself takes 5 GB at once, but a request that fails is sent again from its beginning. */
const WHOLE = 64 * 1024 * 1024;
/** S3 takes 10000 parts of at least 5 MiB: 160 GB. etcd holds 8. */
const PART = 16 * 1024 * 1024;
/** Milliseconds between two pieces of an object that is read. */
const STALL = 60_000;

/** The key of an object below the target's prefix. */
export function s3Key({ prefix }: S3Target, name: string): string {
  return prefix === '' ? name : `${prefix}/${name}`;
}

/** Uploads a file, in parts where it is over 64 MiB; whole or not at all. Memory does not grow with it. */
export async function putFile(target: S3Target, key: string, path: string, transfer: S3Transfer): Promise<void> {
  const content = await openAsBlob(path);
  if (content.size <= WHOLE) {
    const { signal, onBytes } = transfer;
    await drained(await s3Request(target, { method: 'PUT', key, body: await hashed(content), signal }));
    onBytes?.(content.size);
    return;
  }
  await putParts(target, key, content, transfer);
}

async function putParts(target: S3Target, key: string, content: Blob, { signal, onBytes }: S3Transfer): Promise<void> {
  const begun = await s3Request(target, { method: 'POST', key, query: { uploads: '' }, signal });
  const [uploadId] = elementsOf(await begun.text(), 'UploadId');
  if (uploadId === undefined) throw new SealosError('s3-refused', `the storage began no upload of s3://${target.bucket}/${key}`);
  try {
    const etags: string[] = [];
    for (let start = 0; start < content.size; start += PART) {
      const part = content.slice(start, start + PART);
      const query = { partNumber: String(etags.length + 1), uploadId };
      const answer = await drained(await s3Request(target, { method: 'PUT', key, query, body: await hashed(part), signal }));
      etags.push(answer.headers.get('etag') ?? '');
      onBytes?.(Math.min(start + PART, content.size));
    }
    const list = etags.map((etag, index) => `<Part><PartNumber>${index + 1}</PartNumber><ETag>${etag}</ETag></Part>`).join('');
    const body = await hashed(new Blob([`<CompleteMultipartUpload>${list}</CompleteMultipartUpload>`]));
    const ended = await (await s3Request(target, { method: 'POST', key, query: { uploadId }, body, signal })).text();
    // S3 answers 200 before it puts the parts together; whether that succeeded stands in the answer.
    const [code] = elementsOf(ended, 'Code');
    if (code !== undefined)
      throw new SealosError('s3-refused', `putting the parts of s3://${target.bucket}/${key} together failed: ${code}`);
  } catch (error) {
    // Parts that are left cost money and are seen by nobody.
    const ending = AbortSignal.timeout(10_000);
    await s3Request(target, { method: 'DELETE', key, query: { uploadId }, signal: ending }).then(drained, () => {});
    throw error;
  }
}

/** The bytes of an object as they come. Throws where it is not there. */
export async function* readObject(target: S3Target, key: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const stall = new AbortController();
  const wait = () =>
    setTimeout(() => stall.abort(new SealosError('s3-unreachable', `nothing came of s3://${target.bucket}/${key} for 60 s`)), STALL);
  const stop = AbortSignal.any([signal, stall.signal]);
  const response = await s3Request(target, { method: 'GET', key, signal: stop });
  if (response.body === null) return;
  let timer = wait();
  try {
    for await (const chunk of response.body) {
      clearTimeout(timer);
      yield chunk;
      timer = wait();
    }
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof SealosError) throw error;
    throw new SealosError('s3-unreachable', `reading s3://${target.bucket}/${key} broke off`, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

/** Names of the objects right below the target's prefix. */
export async function listNames(target: S3Target, signal: AbortSignal): Promise<readonly string[]> {
  const prefix = s3Key(target, '');
  const names: string[] = [];
  let token: string | undefined;
  do {
    const page = token === undefined ? {} : { 'continuation-token': token };
    const query = { 'list-type': '2', prefix, delimiter: '/', ...page };
    const text = await (await s3Request(target, { method: 'GET', key: '', query, signal })).text();
    names.push(...elementsOf(text, 'Key').map((key) => key.slice(prefix.length)));
    token = elementsOf(text, 'IsTruncated')[0] === 'true' ? elementsOf(text, 'NextContinuationToken')[0] : undefined;
  } while (token !== undefined);
  return names;
}

export async function removeObject(target: S3Target, key: string, signal: AbortSignal): Promise<void> {
  await drained(await s3Request(target, { method: 'DELETE', key, signal }));
}

async function hashed(content: Blob): Promise<{ readonly content: Blob; readonly sha256: string }> {
  const hash = createHash('sha256');
  for await (const chunk of content.stream()) hash.update(chunk);
  return { content, sha256: hash.digest('hex') };
}

async function drained(response: Response): Promise<Response> {
  await response.arrayBuffer();
  return response;
}
