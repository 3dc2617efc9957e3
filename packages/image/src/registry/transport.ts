import type { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import { SealosError } from '../error.ts';
import { ConnectionRefusal } from './connection-refusal.ts';
import { hostnameOf, isLoopback, proxyFor } from './proxy.ts';
import { explainProxy, openProxy, parseProxy } from './proxy-agent.ts';
import { readTls } from './tls.ts';

/** Limits in milliseconds; none is on a whole transfer, which may take as long as it gets on. */
export interface Timeouts {
  /** Until a connection stands, TLS included. */
  readonly connect: number;
  /** From the request's last byte to the answer's first, and between two bytes of a request's body. */
  readonly headers: number;
  /** Between two bytes of an answer's body. */
  readonly stall: number;
}

export const DEFAULT_TIMEOUTS: Timeouts = { connect: 10_000, headers: 120_000, stall: 60_000 };

export interface HttpRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer | string | Readable | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface HttpResponse {
  readonly status: number;
  /** Where the answer came from, after redirections. */
  readonly url: URL;
  header(name: string): string | undefined;
  readonly body: Readable;
}

export interface TransportOptions {
  readonly timeouts: Timeouts;
  readonly environment: NodeJS.ProcessEnv;
  /** Directories with certificates for a `HOST[:PORT]`; the first that exists counts. */
  readonly certificates: (host: string) => readonly string[];
  /** Whether a `HOST[:PORT]`'s certificate is not to be checked. */
  readonly isInsecure: (host: string) => boolean;
}

const REDIRECTS = 5;
// The answer's body is read ahead this far: fewer, bigger turns of the event loop.
const READ_AHEAD = 1024 * 1024;

// With the first request: a hundred modules, which a command that sends none need not wait for.
const loadUndici = () => import('undici');

/** HTTP as registries speak it: one pool of connections for each server, through proxies where the environment names them. */
export class Transport implements AsyncDisposable {
  readonly #options: TransportOptions;
  readonly #dispatchers = new Map<string, Promise<Dispatcher>>();

  constructor(options: TransportOptions) {
    this.#options = options;
  }

  /**
   * Sends one request and follows redirections: of GET and HEAD all, of others those that keep the method (307, 308), as long as the
   * body can be sent again. Credentials are not taken along to another origin, and from HTTPS none leads to plain HTTP.
   */
  async send(message: HttpRequest): Promise<HttpResponse> {
    let { url } = message;
    let headers = { ...message.headers };
    for (let hops = 0; ; hops++) {
      const response = await this.#sendOnce({ ...message, url, headers });
      const location = response.header('location');
      if (location === undefined || !follows(message, response.status)) return response;
      await discard(response);
      if (hops >= REDIRECTS) throw new ConnectionRefusal('registry-failed', `${message.url.host} redirects in a circle`);
      const target = this.#targetOf(location, url);
      if (target.origin !== url.origin) {
        const { authorization: _secret, ...rest } = headers;
        headers = rest;
      }
      url = target;
    }
  }

  async close(): Promise<void> {
    const dispatchers = await Promise.allSettled(this.#dispatchers.values());
    this.#dispatchers.clear();
    await Promise.all(dispatchers.map((result) => (result.status === 'fulfilled' ? result.value.destroy() : undefined)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #targetOf(location: string, from: URL): URL {
    const target = URL.canParse(location, from) ? new URL(location, from) : undefined;
    if (target === undefined || (target.protocol !== 'https:' && target.protocol !== 'http:')) {
      const where = target === undefined ? 'what is no address' : `'${target.protocol}', which is not HTTP`;
      throw new ConnectionRefusal('registry-failed', `${from.host} redirects to ${where}`);
    }
    const isDowngrade = from.protocol === 'https:' && target.protocol === 'http:';
    if (isDowngrade && !isLoopback(hostnameOf(target)) && !this.#options.isInsecure(from.host)) {
      throw new ConnectionRefusal(
        'registry-failed',
        `${from.host} redirects from HTTPS to plain HTTP at ${target.host}: refused`,
        `if that is right, mark ${from.host} insecure in registries.conf`,
      );
    }
    return target;
  }

  async #sendOnce(message: HttpRequest): Promise<HttpResponse> {
    message.signal?.throwIfAborted();
    const { url } = message;
    const { request } = await loadUndici();
    const dispatcher = await this.#dispatcherFor(url);
    const { statusCode, headers, body } = await request(url, {
      method: message.method,
      headers: { 'user-agent': 'sealos', ...message.headers },
      body: message.body ?? null,
      signal: message.signal ?? null,
      dispatcher,
      highWaterMark: READ_AHEAD,
    }).catch((error: unknown) => {
      const proxy = message.signal?.aborted ? undefined : this.#proxyFor(url);
      throw (proxy === undefined ? undefined : explainProxy(error, proxy, url)) ?? error;
    });
    const header = (name: string) => {
      const value = headers[name];
      return Array.isArray(value) ? value.join(', ') : value;
    };
    return { status: statusCode, url, header, body };
  }

  #dispatcherFor(url: URL): Promise<Dispatcher> {
    const made = this.#dispatchers.get(url.origin) ?? this.#makeDispatcher(url);
    this.#dispatchers.set(url.origin, made);
    return made;
  }

  async #makeDispatcher(url: URL): Promise<Dispatcher> {
    const { timeouts, certificates, isInsecure } = this.#options;
    const isTls = url.protocol === 'https:';
    const connect = {
      timeout: timeouts.connect,
      ...(isTls ? { secureContext: await readTls(certificates(url.host)), rejectUnauthorized: !isInsecure(url.host) } : {}),
    };
    const options = {
      connect,
      headersTimeout: timeouts.headers,
      bodyTimeout: timeouts.stall,
      // One connection for each blob: HTTP/2's window for each stream is slower for big ones.
      allowH2: false,
    };
    const proxy = this.#proxyFor(url);
    const { Agent } = await loadUndici();
    return proxy === undefined ? new Agent(options) : openProxy(proxy, { ...options, connectTimeout: timeouts.connect });
  }

  #proxyFor(url: URL): URL | undefined {
    const proxy = proxyFor(url, this.#options.environment);
    return proxy === undefined ? undefined : parseProxy(proxy);
  }
}

function follows(message: HttpRequest, status: number): boolean {
  if (message.method === 'GET' || message.method === 'HEAD') return [301, 302, 303, 307, 308].includes(status);
  const { body } = message;
  return (status === 307 || status === 308) && (body === undefined || typeof body === 'string' || Buffer.isBuffer(body));
}

/** Reads an answer's body to its end for nothing, so that the connection can be used again. */
export async function discard(response: HttpResponse): Promise<void> {
  let bytes = 0;
  try {
    for await (const chunk of response.body) {
      bytes += chunk.length;
      if (bytes > 128 * 1024) break;
    }
  } catch {
    // The connection broke: there is nothing to be used again.
  }
}

/** An answer's body, at most `limit` bytes of it. Throws `registry-failed` when there are more. */
export async function readBody(response: HttpResponse, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response.body) {
    bytes += chunk.length;
    if (bytes > limit) throw new SealosError('registry-failed', `${response.url.host} sent more than ${limit} bytes for a document`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
