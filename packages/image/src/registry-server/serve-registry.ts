import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { badInput, SealosError } from '../error.ts';
import { type Answer, Refusal, refusalAnswer } from './answer.ts';
import type { Authorize } from './basic-auth.ts';
import type { RegistryFiles } from './files.ts';
import { handle, type Registry } from './handle.ts';
import { Referrers } from './referrers.ts';
import { registryContent } from './registry-content.ts';
import { printable } from './route.ts';
import { Uploads } from './uploads.ts';

/** `error`: a fault of the server's. `info`: a request and its answer. */
export type LogRequest = (level: 'error' | 'info', line: string) => void;

export interface ServeOptions {
  readonly files: RegistryFiles;
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  /** Refuse whatever would change something. */
  readonly readOnly?: boolean | undefined;
  readonly authorize?: Authorize | undefined;
  /** PEM. */
  readonly tls?: { readonly certificate: string; readonly key: string } | undefined;
  readonly log?: LogRequest | undefined;
}

export interface RegistryServer extends AsyncDisposable {
  /** `HOST:PORT`, as in an image's name. */
  readonly address: string;
  readonly port: number;
}

/** A connection on which nothing moves for this long (milliseconds) is cut; there is no limit on a whole transfer. */
const SILENCE = 5 * 60_000;
/** What is left of a refused body is read up to here, so that the client gets to see the answer. */
const DRAINED = 16 * 1024 * 1024;

/**
 * Serves a registry over HTTP until it is disposed of; requests that are under way are ended then. Closes `files` with it. Throws bad input
 * when it cannot listen there, or the certificate cannot be used.
 */
export async function serveRegistry(options: ServeOptions): Promise<RegistryServer> {
  const { files, host, port, readOnly = false, authorize, log = () => {} } = options;
  const content = registryContent(files);
  const uploads = new Uploads(content);
  const registry: Registry = { content, uploads, referrers: new Referrers(content), readOnly, authorize };
  const server = makeServer(options.tls, (request, response) => void answer(registry, request, response, log));
  const close = async (): Promise<void> => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeAllConnections();
    await closed;
    await uploads[Symbol.asyncDispose]();
    await files[Symbol.asyncDispose]();
  };
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, resolve);
    });
  } catch (error) {
    await close();
    const isTaken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
    const why = isTaken ? 'something else listens there' : error instanceof Error ? error.message : String(error);
    throw badInput(
      'cannot-listen',
      `cannot listen on ${host}:${port}: ${why}`,
      isTaken ? 'choose another port; 0 is any free one' : undefined,
    );
  }
  const { port: taken } = server.address() as AddressInfo;
  return { address: `${host.includes(':') ? `[${host}]` : host}:${taken}`, port: taken, [Symbol.asyncDispose]: close };
}

function makeServer(tls: ServeOptions['tls'], listener: (request: IncomingMessage, response: ServerResponse) => void): Server {
  const settings = { requestTimeout: 0, keepAliveTimeout: 60_000 };
  const make = (): Server => {
    if (tls === undefined) return createServer(settings, listener);
    try {
      return createTlsServer({ ...settings, cert: tls.certificate, key: tls.key }, listener);
    } catch (error) {
      throw badInput(
        'bad-certificate',
        `the certificate or its key cannot be used: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  };
  return make().setTimeout(SILENCE);
}

async function answer(registry: Registry, request: IncomingMessage, response: ServerResponse, log: LogRequest): Promise<void> {
  const began = performance.now();
  const line = (status: number | string) =>
    `${request.socket.remoteAddress ?? '-'} ${printable(request.method ?? '')} ${printable(request.url ?? '')} ${status} ${Math.round(performance.now() - began)} ms`;
  try {
    const answered = await handle(registry, request).catch((error: unknown) => {
      if (error instanceof Refusal) return refusalAnswer(error);
      // A client that left needs no answer.
      if (request.destroyed && !request.complete) return undefined;
      log('error', `${line(500)}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
      const why = error instanceof SealosError ? error.message : 'the registry failed, its log says why';
      const isFull = error instanceof SealosError && error.code === 'disk-full';
      return refusalAnswer(new Refusal(isFull ? 507 : 500, 'UNKNOWN', why));
    });
    if (answered !== undefined) await send(request, response, answered);
    log('info', line(answered?.status ?? 'left'));
  } catch {
    // The client left while it was answered.
    response.destroy();
    log('info', line('left'));
  }
}

async function send(request: IncomingMessage, response: ServerResponse, { status, headers = {}, body }: Answer): Promise<void> {
  const document =
    body === undefined || Buffer.isBuffer(body) || body instanceof Readable ? body : Buffer.from(`${JSON.stringify(body)}\n`);
  const isJson = document !== body;
  const isUnread = !request.complete && status >= 400;
  response.writeHead(status, {
    'docker-distribution-api-version': 'registry/2.0',
    'x-content-type-options': 'nosniff',
    ...(isJson ? { 'content-type': 'application/json' } : {}),
    ...(Buffer.isBuffer(document) ? { 'content-length': String(document.length) } : {}),
    ...(document === undefined && headers['content-length'] === undefined && status !== 204 && status !== 304
      ? { 'content-length': '0' }
      : {}),
    ...headers,
  });
  if (document instanceof Readable) return pipeline(document, response);
  if (isUnread) drain(request);
  await new Promise<void>((resolve) => {
    response.once('close', resolve);
    response.end(request.method === 'HEAD' ? undefined : document, resolve);
  });
}

function drain(request: IncomingMessage): void {
  let left = DRAINED;
  request.on('error', () => {});
  request.on('data', (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) request.destroy();
  });
}
