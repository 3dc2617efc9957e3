// gRPC over HTTP/2 (grpc: doc/PROTOCOL-HTTP2.md) with node:http2 and no library: @grpc/grpc-js makes its own connections, and ours comes
// through SSH; what is left of gRPC then is five bytes before each message and a status in the trailers.
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { SealosError } from '@sealos/image';
import type { EtcdIdentity } from './identity.ts';

export interface RpcOptions {
  readonly signal: AbortSignal;
  /** Milliseconds in which nothing may come; then the call fails. */
  readonly stall: number;
}

/** A connection to one etcd server. */
export interface RpcConnection extends Disposable {
  /** A call whose answer is one message. */
  call(method: string, request: Uint8Array, options: RpcOptions): Promise<Uint8Array>;
  /** A call whose answer is many; ends without an error only where the server said that all was sent. */
  stream(method: string, request: Uint8Array, options: RpcOptions): AsyncIterable<Uint8Array>;
}

/** Bytes that may be on their way unread: without it HTTP/2's 64 kB would make each transfer wait for every round trip. */
const WINDOW = 4 * 1024 * 1024;
/** etcd sends snapshots in pieces of 32 kB, and nothing else that is asked here is near this. */
const LONGEST_MESSAGE = 16 * 1024 * 1024;
const HANDSHAKE_TIMEOUT = 10_000;
/** grpc: codes.go, those that etcd answers with. */
const STATUS: Readonly<Record<string, string>> = {
  '1': 'cancelled',
  '4': 'took too long',
  '7': 'permission denied',
  '8': 'resource exhausted',
  '9': 'not possible now',
  '12': 'not implemented there',
  '13': 'internal error',
  '14': 'unavailable',
  '15': 'data loss',
  '16': 'not authenticated',
};

function failure(message: string, cause?: unknown): SealosError {
  return new SealosError('etcd-failed', message, { cause });
}

/** Speaks TLS with the client's certificate over a connection that is there, and HTTP/2 over that. The connection is closed with it, also on failure. */
export async function openRpc(socket: Duplex, identity: EtcdIdentity, signal: AbortSignal): Promise<RpcConnection> {
  // SNI takes no addresses; every etcd certificate of kubeadm's names localhost.
  const tls = connectTls({
    socket,
    ca: identity.ca,
    cert: identity.cert,
    key: identity.key,
    servername: 'localhost',
    ALPNProtocols: ['h2'],
  });
  const timeout = AbortSignal.timeout(HANDSHAKE_TIMEOUT);
  const stop = AbortSignal.any([signal, timeout]);
  try {
    await new Promise<void>((resolve, reject) => {
      stop.addEventListener('abort', () => reject(timeout.aborted ? failure('no TLS handshake within 10 s') : signal.reason), {
        once: true,
      });
      tls.once('secureConnect', resolve);
      tls.once('error', (error) => reject(failure(`its TLS was not accepted: ${error.message}`, error)));
      tls.once('close', () => reject(failure('the connection was closed during the TLS handshake')));
      if (stop.aborted) reject(signal.reason);
    });
  } catch (error) {
    tls.on('error', () => {});
    tls.destroy();
    socket.destroy();
    throw error;
  }
  const session = connect('https://localhost', { createConnection: () => tls, settings: { initialWindowSize: WINDOW } });
  session.on('error', () => {}); // each call hears of it through its own stream
  session.once('connect', () => session.setLocalWindowSize(WINDOW));
  return {
    stream: (method, request, options) => receive(session, method, request, options),
    async call(method, request, options) {
      let answer: Uint8Array | undefined;
      for await (const message of receive(session, method, request, options)) answer ??= message;
      if (answer === undefined) throw failure(`${method} was not answered`);
      return answer;
    },
    [Symbol.dispose]() {
      session.destroy();
      tls.destroy();
      socket.destroy();
    },
  };
}

async function* receive(
  session: ClientHttp2Session,
  method: string,
  request: Uint8Array,
  { signal, stall }: RpcOptions,
): AsyncGenerator<Uint8Array> {
  signal.throwIfAborted();
  if (session.destroyed || session.closed) throw failure('the connection is closed');
  const stream = session.request({
    [constants.HTTP2_HEADER_METHOD]: 'POST',
    [constants.HTTP2_HEADER_PATH]: `/etcdserverpb.${method}`,
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  let status: { readonly code: string; readonly text: string } | undefined;
  const heed = (headers: Readonly<Record<string, string | string[] | number | undefined>>) => {
    const code = headers['grpc-status'];
    if (code !== undefined) status = { code: String(code), text: decodeURIComponent(String(headers['grpc-message'] ?? '')) };
    const http = headers[constants.HTTP2_HEADER_STATUS];
    if (http !== undefined && Number(http) !== 200) status ??= { code: '14', text: `HTTP status ${http}` };
  };
  stream.on('response', heed);
  stream.on('trailers', heed);
  const fail = (error: unknown) => stream.destroy(error instanceof Error ? error : new Error(String(error)));
  const onAbort = () => fail(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  stream.setTimeout(stall, () => fail(failure(`nothing came for ${stall / 1000} s`)));
  stream.end(frame(request));
  try {
    yield* messagesOf(stream);
  } catch (error) {
    signal.throwIfAborted();
    throw error instanceof SealosError ? error : failure(error instanceof Error ? error.message : String(error), error);
  } finally {
    signal.removeEventListener('abort', onAbort);
    stream.close(constants.NGHTTP2_CANCEL);
  }
  if (status === undefined) throw failure('the connection broke off in the middle of the answer');
  if (status.code !== '0') throw failure(status.text || STATUS[status.code] || `gRPC status ${status.code}`);
}

/** A message as gRPC sends it: a byte for its compression (none), four for its length. */
function frame(message: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

async function* messagesOf(stream: ClientHttp2Stream): AsyncGenerator<Uint8Array> {
  let pending: Buffer[] = [];
  let held = 0;
  let needed = 5;
  const body: AsyncIterable<Buffer> = stream;
  for await (const chunk of body) {
    pending.push(chunk);
    held += chunk.length;
    if (held < needed) continue;
    let bytes = Buffer.concat(pending);
    needed = 5;
    while (bytes.length >= 5) {
      if (bytes[0] !== 0) throw failure('the answer is compressed, which was not asked for');
      const length = bytes.readUInt32BE(1);
      if (length > LONGEST_MESSAGE) throw failure(`the answer holds a message of ${length} bytes`);
      if (bytes.length < 5 + length) {
        needed = 5 + length;
        break;
      }
      yield bytes.subarray(5, 5 + length);
      bytes = bytes.subarray(5 + length);
    }
    pending = bytes.length > 0 ? [bytes] : [];
    held = bytes.length;
  }
  if (held > 0) throw failure('the connection broke off in the middle of the answer');
}
