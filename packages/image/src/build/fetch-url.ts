import { createHash } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { badInput, SealosError } from '../error.ts';
import { DEFAULT_TIMEOUTS, discard, type HttpResponse, Transport } from '../registry/transport.ts';

/** A file that ADD fetched. */
export interface FetchedFile {
  /** The last part of the URL's path. */
  readonly name: string;
  readonly path: string;
  /** sha256 of its content. */
  readonly identity: string;
  /** `Last-Modified`, seconds since 1970; 0 without. */
  readonly mtime: number;
}

export interface FetchUrlOptions {
  /** The file to write; it is removed when this fails. */
  readonly into: string;
  /** What the content has to be, `sha256:` and 64 hex digits. */
  readonly checksum?: string | undefined;
  readonly environment: NodeJS.ProcessEnv;
  readonly signal?: AbortSignal | undefined;
}

const ATTEMPTS = 4;
const FIRST_PAUSE = 500;
// More is a mistake, or an attack on the disk.
const LIMIT = 20 * 1024 ** 3;

/** Whether a source of ADD is fetched from the network. */
export function isUrl(source: string): boolean {
  return /^(https?|ftp):\/\//i.test(source);
}

/** Whether a source of ADD is a git repository. */
export function isGit(source: string): boolean {
  return /^(git@|git:\/\/|ssh:\/\/)/.test(source) || /^https?:\/\/[^?#]*\.git(#.*)?$/.test(source);
}

/**
 * Fetches a URL into a file, through the proxies of the environment; what fails on the way is tried again, four times in all. Throws
 * `fetch-failed`, `checksum-mismatch`, and `bad-url` (exit 2).
 */
export async function fetchUrl(text: string, options: FetchUrlOptions): Promise<FetchedFile> {
  const { checksum } = options;
  const url = URL.parse(text);
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:'))
    throw badInput('bad-url', `'${text}' cannot be fetched: only http and https are known`);
  if (checksum !== undefined && !/^sha256:[0-9a-f]{64}$/.test(checksum))
    throw badInput('bad-checksum', `--checksum=${checksum} is not sha256: and 64 hex digits`);
  const name = decoded(url.pathname.split('/').filter(Boolean).at(-1) ?? '');
  if (name === '' || name === '.' || name === '..' || name.startsWith('.wh.') || /[/\p{Cc}]/u.test(name))
    throw badInput('bad-url', `${shown(url)} names no file`, 'name the destination, without a slash at its end');
  await using transport = new Transport({
    timeouts: DEFAULT_TIMEOUTS,
    environment: options.environment,
    certificates: () => [],
    isInsecure: () => false,
  });
  for (let attempt = 1; ; attempt++) {
    try {
      const fetched = await fetchOnce(transport, url, options);
      if (checksum === undefined || checksum === fetched.digest) {
        return { name, path: options.into, identity: fetched.digest, mtime: fetched.mtime };
      }
      throw new SealosError('checksum-mismatch', `${shown(url)} is ${fetched.digest}, not ${checksum}`, {
        hint: 'somebody changed it, or the checksum is wrong',
      });
    } catch (error) {
      await rm(options.into, { force: true });
      options.signal?.throwIfAborted();
      if (error instanceof SealosError && error.code !== 'fetch-again') throw error;
      if (attempt === ATTEMPTS) {
        const why = error instanceof Error ? error.message : String(error);
        throw new SealosError('fetch-failed', `${shown(url)} cannot be fetched: ${why}`, {
          cause: error,
          hint: 'try again, or COPY a file of the context',
        });
      }
      await wait(FIRST_PAUSE * 2 ** (attempt - 1), undefined, { signal: options.signal });
    }
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

// Without user and password.
function shown(url: URL): string {
  return `${url.origin}${url.pathname}`;
}

async function fetchOnce(transport: Transport, url: URL, { into, signal }: FetchUrlOptions) {
  const bare = new URL(url);
  bare.username = '';
  bare.password = '';
  const login = `${decoded(url.username)}:${decoded(url.password)}`;
  const headers = url.username === '' ? {} : { authorization: `Basic ${Buffer.from(login).toString('base64')}` };
  const response = await transport.send({ method: 'GET', url: bare, headers, signal });
  if (response.status !== 200) {
    await discard(response);
    const again = response.status >= 500 || response.status === 429 || response.status === 408;
    const code = again ? 'fetch-again' : 'fetch-failed';
    throw new SealosError(code, again ? `status ${response.status}` : `${shown(url)} cannot be fetched: status ${response.status}`);
  }
  return { digest: await save(response, into, url), mtime: modified(response) };
}

async function save(response: HttpResponse, into: string, url: URL): Promise<string> {
  const announced = response.header('content-length');
  const tooBig = () => new SealosError('fetch-failed', `${shown(url)} has more than ${LIMIT / 1024 ** 3} GiB`);
  if (Number(announced) > LIMIT) {
    response.body.destroy(); // the rest may never come
    throw tooBig();
  }
  const hash = createHash('sha256');
  await using file = await open(into, 'wx', 0o600);
  let bytes = 0;
  for await (const chunk of response.body) {
    hash.update(chunk);
    bytes += chunk.length;
    if (bytes > LIMIT) throw tooBig();
    await file.writeFile(chunk);
  }
  if (announced !== undefined && Number(announced) !== bytes && response.header('content-encoding') === undefined)
    throw new SealosError('fetch-again', `it ended after ${bytes} of ${announced} bytes`);
  return `sha256:${hash.digest('hex')}`;
}

function modified(response: HttpResponse): number {
  const time = Date.parse(response.header('last-modified') ?? '');
  return Number.isFinite(time) && time > 0 ? Math.floor(time / 1000) : 0;
}
