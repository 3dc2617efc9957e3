import http from 'node:http';
import { isIPv6 } from 'node:net';
import { text } from 'node:stream/consumers';
import tls from 'node:tls';
import type { Host } from '../host/host.ts';

export interface Asking {
  readonly ip: string;
  readonly port: number;
  readonly path: string;
  /** Over TLS. Whose certificate it is does not matter here: the way is the host's own SSH connection to its own loopback. */
  readonly secure: boolean;
  /** Sent as basic authentication, and nowhere else. */
  readonly login?: { readonly username: string; readonly password: string } | undefined;
  readonly signal: AbortSignal;
}

export interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

/** One HTTP request from the host to a port of its own, through the connection to the host. Throws HostError or the socket's own error. */
export async function httpOverHost(host: Host, { ip, port, path, secure, login, signal }: Asking): Promise<Answer> {
  const duplex = await host.dial(ip, port, { title: `asking port ${port}`, signal });
  const socket = secure ? tls.connect({ socket: duplex, rejectUnauthorized: false }) : duplex;
  try {
    const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
      const request = http.request({
        createConnection: () => socket,
        path,
        headers: {
          host: `${isIPv6(ip) ? `[${ip}]` : ip}:${port}`,
          connection: 'close',
          ...(login && { authorization: `Basic ${Buffer.from(`${login.username}:${login.password}`).toString('base64')}` }),
        },
        signal,
      });
      request.on('response', resolve).on('error', reject).end();
    });
    return { status: response.statusCode ?? 0, headers: response.headers, body: await text(response) };
  } finally {
    socket.destroy();
    duplex.destroy();
  }
}
