// An HTTP proxy of the tests' own in front of one server: it passes everything on, and spoils what a test tells it to spoil.
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/** What happens to one request. */
export type Fault =
  /** The answer's connection is cut after so many bytes of its body. */
  | { readonly kind: 'cut'; readonly after: number }
  /** The connection is cut after so many bytes of the request's body. */
  | { readonly kind: 'cut-request'; readonly after: number }
  /** The answer stops after so many bytes of its body, and the connection stays. */
  | { readonly kind: 'stall'; readonly after: number }
  /** One byte of the answer's body, at this offset, is changed. */
  | { readonly kind: 'flip'; readonly at: number }
  /** Another answer, the server does not see the request. */
  | { readonly kind: 'answer'; readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string }
  /** The server answers as if it did not know ranges. */
  | { readonly kind: 'no-range' };

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
      return;
    }
    pass(target, incoming, outgoing, planned);
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
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, seen, stop, [Symbol.asyncDispose]: stop };
}

function pass(target: string, incoming: IncomingMessage, outgoing: ServerResponse, fault: Fault | undefined): void {
  // The Host header is passed on: the server's Location headers lead back here.
  const { range, ...rest } = incoming.headers;
  const headers = fault?.kind === 'no-range' || range === undefined ? rest : incoming.headers;
  const forward = request({ host: target.split(':')[0], port: target.split(':')[1], method: incoming.method, path: incoming.url, headers });
  const cut = () => {
    forward.destroy();
    outgoing.socket?.destroy();
  };
  forward.on('error', cut);
  outgoing.on('close', () => forward.destroy());
  forward.on('response', (answer) => {
    outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
    outgoing.flushHeaders();
    let bytes = 0;
    answer.on('data', (chunk: Buffer) => {
      const begin = bytes;
      bytes += chunk.length;
      if (fault?.kind === 'flip' && begin <= fault.at && fault.at < bytes)
        chunk.writeUInt8(chunk.readUInt8(fault.at - begin) ^ 1, fault.at - begin);
      const limit = fault?.kind === 'cut' || fault?.kind === 'stall' ? fault.after : Number.POSITIVE_INFINITY;
      if (bytes < limit) {
        if (!outgoing.write(chunk)) {
          answer.pause();
          outgoing.once('drain', () => answer.resume());
        }
        return;
      }
      answer.pause();
      outgoing.write(chunk.subarray(0, limit - begin), () => fault?.kind === 'cut' && cut());
    });
    answer.on('end', () => outgoing.end());
    answer.on('error', cut);
  });
  let sent = 0;
  incoming.on('data', (chunk: Buffer) => {
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
