import { Readable } from 'node:stream';
import { SealosError } from '../error.ts';
import type { Descriptor } from '../manifest.ts';
import type { Client, Endpoint, RegistryRequest } from './client.ts';
import { explainError, type Subject } from './failure.ts';
import { codeOf, isBusy, isPassing, parseRetryAfter } from './retry.ts';
import { discard, type HttpResponse } from './transport.ts';

export interface UploadTarget {
  readonly client: Client;
  readonly endpoint: Endpoint;
  readonly repository: string;
  readonly scopes: readonly string[];
  readonly subject: Subject;
  readonly signal?: AbortSignal | undefined;
}

/** An upload that the registry has begun (distribution-spec, "Pushing blobs"). */
export interface UploadSession {
  readonly location: URL;
  /** The smallest piece that the registry takes, in bytes. */
  readonly leastChunk: number;
}

const OCTETS = { 'content-type': 'application/octet-stream' };
const CHUNK = 32 * 1024 * 1024;

/** Begins an upload, or with `mount` (`mount=DIGEST&from=REPOSITORY`) asks for the blob of another repository: undefined when it is there then. */
export async function beginUpload(
  target: UploadTarget,
  mount?: { readonly digest: string; readonly from: string },
): Promise<UploadSession | undefined> {
  const query = mount === undefined ? '' : `?${new URLSearchParams({ mount: mount.digest, from: mount.from })}`;
  const scopes = mount === undefined ? target.scopes : [...target.scopes, `repository:${mount.from}:pull`];
  const path = `/v2/${target.repository}/blobs/uploads/${query}`;
  const response = await send(target, { method: 'POST', path, headers: { 'content-length': '0' }, scopes });
  if (response.status === 201 && mount !== undefined) {
    await discard(response);
    return undefined;
  }
  if (response.status !== 202) throw await target.client.refuse(target.endpoint, response, target.subject);
  return sessionAfter(response);
}

/** Gives up an upload, as far as the registry knows how to. */
export async function cancelUpload(target: UploadTarget, session: UploadSession): Promise<void> {
  const response = await send(target, { method: 'DELETE', path: session.location }).catch(() => undefined);
  if (response !== undefined) await discard(response);
}

/**
 * Sends a blob: at first as one PUT, the fastest; where that breaks, in pieces, so that what has arrived is not sent again. `reopen`
 * gives the content from an offset on; without it there is one try.
 */
export async function uploadBlob(
  target: UploadTarget,
  descriptor: Descriptor,
  body: Readable,
  reopen: ((offset: number) => Promise<Readable>) | undefined,
  begun: UploadSession | undefined,
): Promise<void> {
  const session = begun ?? (await beginUpload(target));
  if (session === undefined) return;
  const whole = await tryPiece(target, {
    method: 'PUT',
    path: withDigest(session.location, descriptor.digest),
    headers: { ...OCTETS, 'content-length': String(descriptor.size) },
    body: descriptor.size === 0 ? '' : body,
  });
  if (whole.kind === 'answer' && whole.response.status === 201) return finish(whole.response, descriptor);
  const problem = await problemOf(target, whole);
  if (!problem.passing || reopen === undefined) throw problem.error();
  if (!(await target.client.waitBeforeRetry(1, problem.why, target.subject, target.signal, problem.asked))) throw problem.error();
  await cancelUpload(target, session);
  await uploadInPieces(target, descriptor, reopen);
}

async function uploadInPieces(target: UploadTarget, descriptor: Descriptor, reopen: (offset: number) => Promise<Readable>): Promise<void> {
  let session = await beginUpload(target);
  let offset = 0;
  let best = 0;
  for (let failures = 1; session !== undefined; ) {
    const isLast = offset >= descriptor.size;
    const end = Math.min(descriptor.size, offset + Math.max(CHUNK, session.leastChunk));
    const source = isLast ? undefined : await reopen(offset);
    const outcome = await tryPiece(
      target,
      source === undefined
        ? { method: 'PUT', path: withDigest(session.location, descriptor.digest), headers: { 'content-length': '0' } }
        : {
            method: 'PATCH',
            path: session.location,
            headers: { ...OCTETS, 'content-range': `${offset}-${end - 1}`, 'content-length': String(end - offset) },
            body: Readable.from(first(source, end - offset), { objectMode: false }),
          },
    );
    source?.destroy();
    if (outcome.kind === 'answer' && outcome.response.status === 201 && isLast) return finish(outcome.response, descriptor);
    if (outcome.kind === 'answer' && outcome.response.status === 202 && !isLast) {
      session = await sessionAfter(outcome.response);
      offset = end;
      // Some registries lose an upload that broke: only what was never reached before is getting on.
      if (offset > best) failures = 1;
      best = Math.max(best, offset);
      continue;
    }
    const problem = await problemOf(target, outcome);
    if (!problem.passing) throw problem.error();
    failures += 1;
    if (!(await target.client.waitBeforeRetry(failures, problem.why, target.subject, target.signal, problem.asked))) throw problem.error();
    const reached = await reachedBy(target, session);
    if (reached === undefined) session = await beginUpload(target);
    else session = reached.session;
    offset = Math.min(reached?.offset ?? 0, descriptor.size);
  }
}

type Outcome = { readonly kind: 'answer'; readonly response: HttpResponse } | { readonly kind: 'error'; readonly error: unknown };

async function tryPiece(target: UploadTarget, request: Omit<RegistryRequest, 'scopes' | 'subject' | 'signal'>): Promise<Outcome> {
  try {
    return { kind: 'answer', response: await send(target, request) };
  } catch (error) {
    target.signal?.throwIfAborted();
    return { kind: 'error', error };
  }
}

interface Problem {
  readonly passing: boolean;
  readonly why: string;
  readonly asked?: number | undefined;
  readonly error: () => unknown;
}

async function problemOf(target: UploadTarget, outcome: Outcome): Promise<Problem> {
  if (outcome.kind === 'error') {
    const { error } = outcome;
    // Errors of whoever gives the content have no network code, or are of our family.
    return {
      passing: isPassing(error, true),
      why: `the connection broke (${codeOf(error)})`,
      error: () => explainError(error, target.subject),
    };
  }
  const { response } = outcome;
  // 401: the token expired meanwhile; 404 and 416: the upload was lost; 413: smaller pieces may pass.
  const passing = isBusy(response.status) || [401, 404, 413, 416].includes(response.status);
  const refusal = await target.client.refuse(target.endpoint, response, target.subject);
  return {
    passing,
    why: `the answer was status ${response.status}`,
    asked: parseRetryAfter(response.header('retry-after')),
    error: () => refusal,
  };
}

// distribution-spec: GET on the location tells how far the upload got. Undefined when it is lost.
async function reachedBy(
  target: UploadTarget,
  session: UploadSession,
): Promise<{ readonly session: UploadSession; readonly offset: number } | undefined> {
  const response = await send(target, { method: 'GET', path: session.location });
  const last = /^(?:bytes=)?0-(\d+)$/.exec(response.header('range') ?? '')?.[1];
  if (response.status !== 204 || last === undefined) {
    await discard(response);
    return undefined;
  }
  // `0-0` is what registries say of an empty upload, too.
  return { session: await sessionAfter(response, session), offset: last === '0' ? 0 : Number(last) + 1 };
}

async function sessionAfter(response: HttpResponse, before?: UploadSession): Promise<UploadSession> {
  await discard(response);
  const text = response.header('location');
  if (text === undefined || !URL.canParse(text, response.url)) {
    if (before !== undefined) return before;
    throw new SealosError('registry-failed', `${response.url.host} began an upload but did not say where`);
  }
  const location = new URL(text, response.url);
  // Behind a proxy that ends TLS, registries name themselves with http.
  if (location.host === response.url.host) location.protocol = response.url.protocol;
  const least = Number(response.header('oci-chunk-min-length') ?? before?.leastChunk ?? 0);
  return { location, leastChunk: Number.isSafeInteger(least) && least > 0 ? least : 0 };
}

async function finish(response: HttpResponse, descriptor: Descriptor): Promise<void> {
  await discard(response);
  const digest = response.header('docker-content-digest');
  if (digest?.startsWith('sha256:') && digest !== descriptor.digest) {
    throw new SealosError('content-mismatch', `${response.url.host} took ${descriptor.digest.slice(0, 19)} for ${digest.slice(0, 19)}`);
  }
}

function send(target: UploadTarget, request: Omit<RegistryRequest, 'scopes' | 'subject' | 'signal'> & { scopes?: readonly string[] }) {
  const { client, endpoint, scopes, subject, signal } = target;
  return client.send(endpoint, { scopes, subject, signal, ...request });
}

// Appended as text: what the registry wrote into its location stays as it wrote it.
function withDigest(location: URL, digest: string): URL {
  const url = new URL(location);
  url.search += `${url.search === '' ? '?' : '&'}digest=${encodeURIComponent(digest)}`;
  return url;
}

async function* first(source: Readable, bytes: number): AsyncGenerator<Buffer> {
  let left = bytes;
  for await (const chunk of source) {
    yield chunk.length > left ? chunk.subarray(0, left) : chunk;
    left -= chunk.length;
    if (left <= 0) return;
  }
}
