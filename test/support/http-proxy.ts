// An HTTP proxy of the tests' own: CONNECT and whole addresses, with a login where one is wanted. Every host leads to one server.
import { createServer, type IncomingMessage, request } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';

export interface HttpProxyOptions {
  /** `HOST:PORT` of the server that every name is. */
  readonly target: string;
  readonly login?: { readonly user: string; readonly password: string };
  /** Answer every request so, instead of letting it through; 0: not at all. */
  readonly refuse?: number;
}

export interface HttpProxy extends AsyncDisposable {
  readonly address: string;
  /** `METHOD HOST` of what was asked for. */
  readonly seen: readonly string[];
}

export async function startHttpProxy(options: HttpProxyOptions): Promise<HttpProxy> {
  const seen: string[] = [];
  const sockets = new Set<Socket>();
  const [host = '', port = ''] = options.target.split(':');
  const secret = options.login && `Basic ${Buffer.from(`${options.login.user}:${options.login.password}`).toString('base64')}`;
  const refusal = (incoming: IncomingMessage): number | undefined =>
    secret !== undefined && incoming.headers['proxy-authorization'] !== secret ? 407 : options.refuse;
  const server = createServer((incoming, outgoing) => {
    const url = new URL(incoming.url ?? '');
    seen.push(`${incoming.method} ${url.host}`);
    const status = refusal(incoming);
    if (status !== undefined) {
      incoming.resume();
      if (status !== 0) outgoing.writeHead(status).end();
      return;
    }
    const path = `${url.pathname}${url.search}`;
    const forward = request({ host, port, method: incoming.method, path, headers: incoming.headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    forward.on('error', () => outgoing.destroy());
    incoming.pipe(forward);
  });
  server.on('connect', (incoming, socket) => {
    seen.push(`CONNECT ${incoming.url}`);
    const status = refusal(incoming);
    socket.on('error', () => {});
    if (status === 0) return;
    if (status !== undefined) return socket.end(`HTTP/1.1 ${status} no\r\ncontent-length: 0\r\n\r\n`);
    const through = connect({ host, port: Number(port) }, () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      through.pipe(socket).pipe(through);
    });
    through.on('error', () => socket.destroy());
    socket.on('close', () => through.destroy());
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
