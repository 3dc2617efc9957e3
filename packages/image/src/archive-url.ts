import { Readable } from 'node:stream';
import { shownArchive } from './archive-name.ts';
import { badInput, SealosError } from './error.ts';
import { download } from './registry/download.ts';
import { codeOf, DEFAULT_RETRY, delayBefore, isBusy, isPassing, pause, type RetryPolicy } from './registry/retry.ts';
import { DEFAULT_TIMEOUTS, discard, type HttpResponse, Transport } from './registry/transport.ts';

export interface UrlOptions {
  readonly signal?: AbortSignal | undefined;
  readonly environment?: NodeJS.ProcessEnv | undefined;
  readonly retry?: RetryPolicy | undefined;
  /** More bytes than this are refused (default 1 TiB): a server that never ends must not fill the disk. */
  readonly limit?: number | undefined;
}

/** Bytes of a URL, to be read once. */
export interface UrlContent extends AsyncDisposable {
  readonly stream: Readable;
}

const LIMIT = 1024 ** 4;

/**
 * Opens an http(s) URL as one stream. Where the connection breaks or stalls it goes on from the byte reached (RFC 9110 §14, with
 * `If-Range`, so that another file of the same name is not glued on), six times in a row at most. The first answer has come when this
 * returns. Throws `bad-url`, `archive-not-found` (exit 2), `fetch-failed`; the stream fails with `fetch-failed` when it ends before its
 * length or changes on the way.
 */
export async function openUrl(text: string, options: UrlOptions = {}): Promise<UrlContent> {
  const url = URL.parse(text);
  const what = shownArchive(text);
  if (url === null) throw badInput('bad-url', `'${what}' is not a URL`);
  const policy = options.retry ?? DEFAULT_RETRY;
  const limit = options.limit ?? LIMIT;
  const transport = new Transport({
    timeouts: DEFAULT_TIMEOUTS,
    environment: options.environment ?? process.env,
    certificates: () => [],
    isInsecure: () => false,
  });
  const fail = (why: string, cause?: unknown) =>
    new SealosError('fetch-failed', `${what} cannot be fetched: ${why}`, { cause, hint: 'run the command again: nothing was changed' });
  try {
    const first = await openFirst(transport, url, policy, options.signal, fail);
    const size = sizeOf(first);
    if (size !== undefined && size > limit) throw fail(`it has ${size} bytes, at most ${limit} are read`);
    let unread: HttpResponse | undefined = first;
    const open = async (offset: number, signal: AbortSignal) => {
      const fresh = unread;
      unread = undefined;
      if (fresh !== undefined && offset === 0) return { body: limited(fresh.body, 0, limit, fail), start: 0 };
      const response = await request(transport, url, offset, first, signal);
      const start = startOf(response, first, size);
      if (start === undefined || start > offset) {
        await discard(response);
        const isOther = response.status === 200 || response.status === 206 || response.status === 416;
        throw isBusy(response.status) ? busy(response.status) : fail(isOther ? 'it changed on the way' : `status ${response.status}`);
      }
      return { body: limited(response.body, start, limit, fail), start };
    };
    const stream = download({
      offset: 0,
      size: size ?? 0,
      signal: options.signal,
      open,
      retry: (failures) => again(failures, policy, options.signal),
      giveUp(error, received) {
        if (error instanceof SealosError) return error;
        const end = size === undefined ? `${received} bytes` : `${received} of ${size} bytes`;
        return fail(error === undefined ? `it ended after ${end}` : `the connection broke after ${end} (${codeOf(error) ?? error})`, error);
      },
    });
    return {
      stream,
      async [Symbol.asyncDispose]() {
        stream.destroy();
        await transport.close();
      },
    };
  } catch (error) {
    await transport.close();
    throw error;
  }
}

async function openFirst(
  transport: Transport,
  url: URL,
  policy: RetryPolicy,
  signal: AbortSignal | undefined,
  fail: (why: string, cause?: unknown) => SealosError,
): Promise<HttpResponse> {
  for (let failures = 1; ; failures++) {
    let why: string;
    let cause: unknown;
    try {
      const response = await request(transport, url, 0, undefined, signal);
      if (response.status === 200) return response;
      await discard(response);
      if (response.status === 404 || response.status === 410)
        throw badInput('archive-not-found', `there is no ${shownArchive(url.href)} (status ${response.status})`);
      if (!isBusy(response.status)) throw fail(`status ${response.status}`);
      why = `status ${response.status}`;
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof SealosError) throw error;
      [why, cause] = [codeOf(error) ?? String(error), error];
      if (!isPassing(error, false)) throw fail(why, cause);
    }
    if (!(await again(failures, policy, signal))) throw fail(why, cause);
  }
}

function request(transport: Transport, url: URL, offset: number, first: HttpResponse | undefined, signal: AbortSignal | undefined) {
  const bare = new URL(url);
  bare.username = '';
  bare.password = '';
  const login = Buffer.from(`${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`).toString('base64');
  // A weak validator says nothing about single bytes (RFC 9110 §13.1.5).
  const tag = first?.header('etag');
  const validator = tag !== undefined && !tag.startsWith('W/') ? tag : first?.header('last-modified');
  const headers = {
    'accept-encoding': 'identity',
    ...(url.username === '' ? {} : { authorization: `Basic ${login}` }),
    ...(offset === 0 ? {} : { range: `bytes=${offset}-` }),
    ...(offset === 0 || validator === undefined ? {} : { 'if-range': validator }),
  };
  return transport.send({ method: 'GET', url: bare, headers, signal });
}

// From which byte on an answer has the same content as the first one; undefined when it is none or another content.
function startOf(response: HttpResponse, first: HttpResponse, size: number | undefined): number | undefined {
  const isSame = ['etag', 'last-modified'].every((name) => response.header(name) === first.header(name));
  if (!isSame) return undefined;
  if (response.status === 200) return sizeOf(response) === size ? 0 : undefined;
  const range = response.status === 206 ? /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(response.header('content-range') ?? '') : null;
  if (range === null || (size !== undefined && range[2] !== '*' && Number(range[2]) !== size)) return undefined;
  return Number(range[1]);
}

function sizeOf(response: HttpResponse): number | undefined {
  const length = response.header('content-length');
  return length === undefined || !/^\d+$/.test(length) ? undefined : Number(length);
}

function limited(body: Readable, start: number, limit: number, fail: (why: string) => SealosError): Readable {
  const count = async function* (): AsyncGenerator<Buffer> {
    let at = start;
    for await (const chunk of body) {
      at += chunk.length;
      if (at > limit) throw fail(`it has more than ${limit} bytes`);
      yield chunk;
    }
  };
  return Readable.from(count(), { objectMode: false });
}

// As passing as a connection that broke: it is tried again in the same way.
function busy(status: number): Error {
  return Object.assign(new Error(`status ${status}`), { code: 'ECONNRESET' });
}

async function again(failures: number, policy: RetryPolicy, signal: AbortSignal | undefined): Promise<boolean> {
  const delay = delayBefore(failures, policy);
  if (delay === undefined) return false;
  await pause(delay, signal);
  return true;
}
