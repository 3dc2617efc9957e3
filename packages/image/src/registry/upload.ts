import { Readable } from 'node:stream';
import { SealosError } from '../error.ts';
import type { Descriptor } from '../manifest.ts';
import type { RegistryRequest } from './client.ts';
import { explainError } from './failure.ts';
import { codeOf, isBusy, isGettingOn, isPassing, parseRetryAfter } from './retry.ts';
import { discard, type HttpResponse } from './transport.ts';
import {
  beginUpload,
  cancelUpload,
  hasBlob,
  reachedBy,
  reachedIn,
  send,
  sessionAfter,
  type UploadSession,
  type UploadTarget,
} from './upload-session.ts';

const OCTETS = { 'content-type': 'application/octet-stream' };
const CHUNK = 32 * 1024 * 1024;

/** A blob that is sent, and how to open it from an offset on. */
interface Upload {
  readonly target: UploadTarget;
  readonly descriptor: Descriptor;
  readonly reopen: (offset: number) => Promise<Readable>;
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
  const outcome = await attempt(target, wholeRequest(descriptor, session, body));
  if (isStored(outcome)) return finish(outcome.response, descriptor);
  const problem = await problemOf(target, outcome);
  if (!problem.passing || reopen === undefined) throw problem.error();
  if (!(await waitAfter(target, problem, 1))) throw problem.error();
  if (problem.kind === 'broken' && (await hasBlob(target, descriptor.digest))) return;
  await cancelUpload(target, session);
  await uploadAgain({ target, descriptor, reopen }, problem);
}

// In pieces, or to a registry that does not take pieces as a whole, until it is there or nothing gets on any more.
async function uploadAgain(upload: Upload, first: Problem): Promise<void> {
  const { target, descriptor } = upload;
  let session = await beginUpload(target);
  const refused = new Set<'pieces' | 'whole'>(first.kind === 'other-way' ? ['whole'] : []);
  let spoilt = first.kind === 'spoilt';
  let offset = 0;
  let best = 0;
  for (let failures = 1; ; ) {
    const inPieces = !refused.has('pieces');
    const isLast = !inPieces || offset >= descriptor.size;
    const end = Math.min(descriptor.size, offset + Math.max(CHUNK, session.leastChunk));
    const outcome = inPieces ? await sendPiece(upload, session, offset, end) : await sendWhole(upload, session);
    if (isLast && isStored(outcome)) return finish(outcome.response, descriptor);
    if (!isLast && outcome.kind === 'answer' && isTaken(outcome.response)) {
      const reached = reachedIn(outcome.response);
      session = await sessionAfter(target, outcome.response, session);
      // A registry may have taken less than it was sent; `0-0` says nothing.
      offset = reached !== undefined && reached > 0 && reached < end ? reached : end;
      // Some registries lose an upload that broke: only what was never reached before is getting on.
      if (offset > best) failures = 1;
      else if (++failures > target.client.retry.attempts) throw stuck(target, descriptor, offset);
      best = Math.max(best, offset);
      continue;
    }
    const problem = await problemOf(target, outcome);
    if (problem.kind === 'other-way') refused.add(inPieces ? 'pieces' : 'whole');
    if (!problem.passing || refused.size === 2 || (problem.kind === 'spoilt' && spoilt)) throw problem.error();
    spoilt ||= problem.kind === 'spoilt';
    failures += 1;
    if (!(await waitAfter(target, problem, failures))) throw problem.error();
    if (isLast && problem.kind === 'broken' && (await hasBlob(target, descriptor.digest))) return;
    const reached = inPieces && (problem.kind === 'broken' || problem.kind === 'busy') ? await reachedBy(target, session) : undefined;
    session = reached?.session ?? (await beginUpload(target));
    offset = Math.min(reached?.offset ?? 0, descriptor.size);
    if (isGettingOn(offset - best, descriptor.size)) failures = 1;
    best = Math.max(best, offset);
  }
}

type Outcome = { readonly kind: 'answer'; readonly response: HttpResponse } | { readonly kind: 'error'; readonly error: unknown };
type Piece = Omit<RegistryRequest, 'scopes' | 'subject' | 'signal'>;

async function sendPiece({ target, descriptor, reopen }: Upload, session: UploadSession, offset: number, end: number): Promise<Outcome> {
  if (offset >= descriptor.size) {
    const path = withDigest(session.location, descriptor.digest);
    return attempt(target, { method: 'PUT', path, headers: { 'content-length': '0' } });
  }
  const source = observed(await reopen(offset));
  const headers = { ...OCTETS, 'content-range': `${offset}-${end - 1}`, 'content-length': String(end - offset) };
  const body = Readable.from(first(source, end - offset), { objectMode: false });
  const outcome = await attempt(target, { method: 'PATCH', path: session.location, headers, body });
  source.destroy();
  return outcome;
}

async function sendWhole({ target, descriptor, reopen }: Upload, session: UploadSession): Promise<Outcome> {
  const source = observed(await reopen(0));
  const outcome = await attempt(target, wholeRequest(descriptor, session, source));
  source.destroy();
  return outcome;
}

// What is never read, because the request failed before or was interrupted, may fail for itself: nobody else listens then.
function observed(source: Readable): Readable {
  return source.on('error', () => {});
}

function wholeRequest(descriptor: Descriptor, session: UploadSession, body: Readable): Piece {
  const headers = { ...OCTETS, 'content-length': String(descriptor.size) };
  return { method: 'PUT', path: withDigest(session.location, descriptor.digest), headers, body: descriptor.size === 0 ? '' : body };
}

async function attempt(target: UploadTarget, request: Piece): Promise<Outcome> {
  try {
    return { kind: 'answer', response: await send(target, request) };
  } catch (error) {
    target.signal?.throwIfAborted();
    return { kind: 'error', error };
  }
}

interface Problem {
  /**
   * `broken`: the line; `busy`: the registry asks for time; `lost`: the upload is to be begun anew; `other-way`: as a whole instead
   * of in pieces, or the reverse; `spoilt`: another content arrived than was sent.
   */
  readonly kind: 'broken' | 'busy' | 'lost' | 'other-way' | 'spoilt';
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
      kind: 'broken',
      passing: isPassing(error, true),
      why: `the connection broke (${codeOf(error)})`,
      error: () => explainError(error, target.subject),
    };
  }
  const { response } = outcome;
  const refusal = await target.client.refuse(target.endpoint, response, target.subject);
  const kind = kindOf(response.status, refusal);
  return {
    kind: kind ?? 'lost',
    passing: kind !== undefined,
    why: `the answer was status ${response.status}`,
    asked: parseRetryAfter(response.header('retry-after')),
    error: () => refusal,
  };
}

function kindOf(status: number, refusal: Error): Problem['kind'] | undefined {
  if (refusal instanceof SealosError && refusal.code === 'content-mismatch') return 'spoilt';
  // 416: the registry has another part of it than was thought; it is asked how much.
  if (isBusy(status) || status === 416) return 'busy';
  // 401: the token expired meanwhile. 404: the registry does not know the upload any more, or no such request.
  if (status === 401 || (status === 404 && !(refusal instanceof SealosError && refusal.code === 'image-not-found'))) return 'lost';
  // 413: too big for a proxy. The others: whole blobs, or pieces, are not for this registry.
  return [400, 404, 405, 411, 413, 415, 501].includes(status) ? 'other-way' : undefined;
}

function waitAfter(target: UploadTarget, problem: Problem, failures: number): Promise<boolean> {
  return target.client.waitBeforeRetry(failures, problem.why, target.subject, target.signal, problem.asked);
}

function isStored(outcome: Outcome): outcome is Extract<Outcome, { readonly kind: 'answer' }> {
  // distribution-spec: 201. Older registries say 200 or 204.
  return outcome.kind === 'answer' && [200, 201, 204].includes(outcome.response.status);
}

function isTaken(response: HttpResponse): boolean {
  // distribution-spec: 202.
  return response.status >= 200 && response.status < 300;
}

function stuck(target: UploadTarget, descriptor: Descriptor, offset: number): SealosError {
  const { host } = target.subject;
  return new SealosError(
    'registry-failed',
    `cannot push ${target.subject.what}: ${host} keeps ${offset} bytes of ${descriptor.digest.slice(0, 19)} and takes no more`,
  );
}

async function finish(response: HttpResponse, descriptor: Descriptor): Promise<void> {
  await discard(response);
  const digest = response.header('docker-content-digest');
  if (digest?.startsWith('sha256:') && digest !== descriptor.digest) {
    throw new SealosError('content-mismatch', `${response.url.host} took ${descriptor.digest.slice(0, 19)} for ${digest.slice(0, 19)}`);
  }
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
