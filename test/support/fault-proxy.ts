// An HTTP proxy of the tests' own in front of one server: it passes everything on, and spoils what a test tells it to spoil.
import { createServer, type IncomingHttpHeaders, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/** What happens to one request. */
export type Fault =
  /** The answer's connection is cut after so many bytes of its body. */
  | { readonly kind: 'cut'; readonly after: number }
  /** The connection is cut after so many bytes of the request's body. */
  | { readonly kind: 'cut-request'; readonly after: number }
  /** The answer stops after so many bytes of its body, and the connection stays. */
  | { readonly kind: 'stall'; readonly after: number }
  /** The connection is reset before anything is answered; the server does not see the request. */
  | { readonly kind: 'reset' }
  /** Nothing is ever answered; the server does not see the request. */
  | { readonly kind: 'hang' }
  /** The server carries the request out, and its answer is lost. */
  | { readonly kind: 'lose-answer' }
  /** The answer says that it ends after so many bytes of its body, and does. */
  | { readonly kind: 'truncate'; readonly after: number }
  /** One byte of the answer's body, at this offset, is changed. */
  | { readonly kind: 'flip'; readonly at: number }
  /** One byte of the request's body, at this offset, is changed. */
  | { readonly kind: 'flip-request'; readonly at: number }
  /** Another answer, the server does not see the request. */
  | { readonly kind: 'answer'; readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string }
  /** The server's answer with another status or other headers (null: without it). */
  | { readonly kind: 'edit'; readonly status?: number; readonly headers?: Readonly<Record<string, string | null>> }
  /** The server answers as if it did not know ranges. */
  | { readonly kind: 'no-range' }
  /** The server answers with the range that begins so many bytes later (or earlier) than was asked for. */
  | { readonly kind: 'wrong-range'; readonly by: number };

export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

export interface FaultProxy extends AsyncDisposable {
  /** `127.0.0.1:PORT` */
  readonly address: string;
  /** All requests so far, in order. */
  readonly seen: readonly SeenRequest[];
  /** Connections that are open now. */
  readonly connections: number;
  stop(): Promise<void>;
}

/** Starts a proxy for `target` (`HOST:PORT`, plain HTTP); `fault` decides about each request, undefined lets it pass. */
export async function startFaultProxy(
  target: string,
  fault: (request: SeenRequest, count: number) => Fault | undefined,
): Promise<FaultProxy> {
  const seen: SeenRequest[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((incoming, outgoing) => {
    const about = { method: incoming.method ?? '', path: incoming.url ?? '', headers: incoming.headers };
    seen.push(about);
    const planned = fault(about, seen.length);
    if (planned?.kind === 'answer') {
      incoming.resume();
      outgoing.writeHead(planned.status, planned.headers).end(planned.body);
    } else if (planned?.kind === 'reset') incoming.socket.resetAndDestroy();
    else if (planned?.kind === 'hang') incoming.resume();
    else pass(target, incoming, outgoing, planned);
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => {}); // cut on purpose
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const stop = async () => {
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    get connections() {
      return sockets.size;
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

function pass(target: string, incoming: IncomingMessage, outgoing: ServerResponse, fault: Fault | undefined): void {
  const headers = requestHeaders(incoming.headers, fault);
  const forward = request({ host: target.split(':')[0], port: target.split(':')[1], method: incoming.method, path: incoming.url, headers });
  const cut = () => {
    forward.destroy();
    outgoing.socket?.destroy();
  };
  forward.on('error', cut);
  outgoing.on('close', () => forward.destroy());
  forward.on('response', (answer) => {
    if (fault?.kind === 'lose-answer') return cut();
    outgoing.writeHead(statusOf(answer, fault), answerHeaders(answer.headers, fault));
    outgoing.flushHeaders();
    passAnswer(answer, outgoing, fault, cut);
  });
  let sent = 0;
  incoming.on('data', (chunk: Buffer) => {
    flip(chunk, sent, fault?.kind === 'flip-request' ? fault.at : undefined);
    sent += chunk.length;
    if (fault?.kind === 'cut-request' && sent > fault.after) return cut();
    if (!forward.write(chunk)) {
      incoming.pause();
      forward.once('drain', () => incoming.resume());
    }
  });
  incoming.on('end', () => forward.end());
  incoming.on('error', cut);
}

function passAnswer(answer: IncomingMessage, outgoing: ServerResponse, fault: Fault | undefined, cut: () => void): void {
  const limits = fault?.kind === 'cut' || fault?.kind === 'stall' || fault?.kind === 'truncate';
  const limit = limits ? fault.after : Number.POSITIVE_INFINITY;
  let bytes = 0;
  answer.on('data', (chunk: Buffer) => {
    const begin = bytes;
    bytes += chunk.length;
    flip(chunk, begin, fault?.kind === 'flip' ? fault.at : undefined);
    if (bytes < limit) {
      if (!outgoing.write(chunk)) {
        answer.pause();
        outgoing.once('drain', () => answer.resume());
      }
      return;
    }
    answer.pause();
    const rest = chunk.subarray(0, limit - begin);
    // When the answer has ended, the rest of the server's is let go.
    if (fault?.kind === 'truncate') outgoing.end(rest);
    else outgoing.write(rest, () => fault?.kind === 'cut' && cut());
  });
  answer.on('end', () => outgoing.end());
  answer.on('error', cut);
}

// The Host header is passed on: the server's Location headers lead back here.
function requestHeaders(headers: IncomingHttpHeaders, fault: Fault | undefined): IncomingHttpHeaders {
  const { range, ...rest } = headers;
  if (range === undefined || fault?.kind === 'no-range') return rest;
  if (fault?.kind !== 'wrong-range') return headers;
  const begin = Number(/^bytes=(\d+)-/.exec(range)?.[1]) + fault.by;
  return { ...rest, range: `bytes=${Math.max(0, begin)}-` };
}

function answerHeaders(headers: IncomingHttpHeaders, fault: Fault | undefined): IncomingHttpHeaders {
  if (fault?.kind === 'truncate') {
    const length = Number(headers['content-length'] ?? Number.POSITIVE_INFINITY);
    return Number.isFinite(length) ? { ...headers, 'content-length': String(Math.min(length, fault.after)) } : headers;
  }
  if (fault?.kind !== 'edit') return headers;
  const edited: IncomingHttpHeaders = { ...headers };
  for (const [name, value] of Object.entries(fault.headers ?? {})) {
    if (value === null) delete edited[name];
    else edited[name] = value;
  }
  return edited;
}

function statusOf(answer: IncomingMessage, fault: Fault | undefined): number {
  return (fault?.kind === 'edit' ? fault.status : undefined) ?? answer.statusCode ?? 502;
}

function flip(chunk: Buffer, begin: number, at: number | undefined): void {
  if (at === undefined || at < begin || at >= begin + chunk.length) return;
  chunk.writeUInt8(chunk.readUInt8(at - begin) ^ 1, at - begin);
}
