import { createReadStream } from 'node:fs';
import { badInput } from '@sealos/image';
import { EnvHttpProxyAgent, request } from 'undici';

const MAX_BYTES = 16 * 1024 * 1024;
const TIMEOUT = 60_000;

/** Whether a location is fetched, instead of opened here. */
export function isUrl(location: string): boolean {
  return /^https?:\/\//i.test(location);
}

export interface ReadTextOptions {
  /** Who asks, for errors: `-f`, `--values`. */
  readonly flag: string;
  readonly signal: AbortSignal;
  /** What `-` stands for; the process's standard input by default. */
  readonly stdin?: AsyncIterable<Uint8Array | string> | undefined;
}

/**
 * The text of a file, of an `http(s)` URL, or of standard input (`-`); at most 16 MiB. Throws bad input that names the flag and why it
 * cannot be read; of a URL its user and query are not shown.
 */
export async function readText(location: string, { flag, signal, stdin = process.stdin }: ReadTextOptions): Promise<string> {
  const limited = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT)]);
  const shown = isUrl(location) ? shownUrl(location) : location;
  try {
    if (isUrl(location)) return await fetchText(location, limited);
    return await collect(location === '-' ? stdin : createReadStream(location, { signal }));
  } catch (error) {
    signal.throwIfAborted();
    const message = error instanceof Error ? error.message : String(error);
    const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : message;
    const why = limited.aborted ? `no answer within ${TIMEOUT / 1000} s` : code;
    throw badInput('unreadable-file', `${flag} ${shown}: the file cannot be read (${why})`);
  }
}

async function fetchText(url: string, signal: AbortSignal): Promise<string> {
  const start = new URL(url);
  const dispatcher = new EnvHttpProxyAgent();
  try {
    let at = start;
    for (let hops = 0; hops < 5; hops++) {
      const { statusCode, headers, body } = await request(at, { signal, dispatcher, headers: login(start, at) });
      const location = headers['location'];
      if (statusCode === 200) return await collect(body);
      await body.dump();
      if (statusCode < 300 || statusCode > 399 || typeof location !== 'string') throw new Error(`HTTP status ${statusCode}`);
      const next = new URL(location, at);
      if (at.protocol === 'https:' && next.protocol !== 'https:') throw new Error('it is redirected from https to http');
      at = next;
    }
    throw new Error('it is redirected in a circle');
  } finally {
    await dispatcher.destroy();
  }
}

/** A user and password that stand in the URL, for that server alone. */
function login({ origin, username, password }: URL, at: URL): Readonly<Record<string, string>> {
  if (username === '' || at.origin !== origin) return {};
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { authorization: `Basic ${Buffer.from(pair).toString('base64')}` };
}

async function collect(source: AsyncIterable<Uint8Array | string>): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of source) {
    const part = Buffer.from(chunk);
    bytes += part.length;
    if (bytes > MAX_BYTES) throw new Error(`more than ${MAX_BYTES} bytes`);
    chunks.push(part);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks));
  } catch {
    throw new Error('it is not text in UTF-8');
  }
}

function shownUrl(text: string): string {
  if (!URL.canParse(text)) return text;
  const { protocol, host, pathname } = new URL(text);
  return `${protocol}//${host}${pathname}`;
}
