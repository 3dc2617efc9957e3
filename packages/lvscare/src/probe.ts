import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { type Endpoint, formatEndpoint } from './endpoint.ts';
import type { Condition } from './members.ts';
import type { HealthOptions } from './options.ts';

export interface Finding {
  readonly condition: Condition;
  /** Why it is not well: "connection refused", "status 500". */
  readonly why: string;
}

/** Checks one server; remembers its TLS session, so that further checks cost it no signature. */
export type Probe = (timeout: number, signal: AbortSignal) => Promise<Finding>;

const LONGEST_STATUS_LINE = 4096;

function requestText(server: Endpoint, health: HealthOptions): string {
  const headers = {
    Host: formatEndpoint(server),
    'User-Agent': 'lvscare',
    Connection: 'close',
    ...(health.body === '' ? {} : { 'Content-Length': String(Buffer.byteLength(health.body)) }),
    ...health.headers,
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${health.method} ${health.path} HTTP/1.1\r\n${lines.join('')}\r\n${health.body}`;
}

/**
 * A check of one server: one request on a connection of its own, of which the status line alone is read (RFC 9112 §4). A server that
 * finishes the TLS handshake lives, even where its answer is late or wrong; over plain HTTP any answer shows that.
 * `authorities` is PEM, for `health.verify`.
 */
export function makeProbe(server: Endpoint, health: HealthOptions, authorities: string | undefined): Probe {
  const request = requestText(server, health);
  let session: Buffer | undefined;

  return (timeout, signal) =>
    new Promise((resolve) => {
      let alive = false;
      let received = '';
      let timer: NodeJS.Timeout | undefined;
      const socket: Socket =
        health.scheme === 'http'
          ? connect({ host: server.ip, port: server.port })
          : connectTls({
              host: server.ip,
              port: server.port,
              rejectUnauthorized: health.verify,
              ALPNProtocols: ['http/1.1'],
              ...(authorities === undefined ? {} : { ca: authorities }),
              ...(health.serverName === undefined ? {} : { servername: health.serverName }),
              ...(session === undefined ? {} : { session }),
            });
      const end = (finding: Finding) => {
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
        socket.destroy();
        resolve(finding);
      };
      const fail = (why: string) => end({ condition: alive ? 'unwell' : 'silent', why });
      const onAbort = () => fail('stopped');
      timer = setTimeout(() => fail(`no answer within ${Math.round(timeout)} ms`), timeout);
      signal.addEventListener('abort', onAbort, { once: true });
      socket.on('session', (ticket: Buffer) => {
        session = ticket;
      });
      socket.on(health.scheme === 'http' ? 'connect' : 'secureConnect', () => {
        alive = health.scheme === 'https';
        socket.write(request);
      });
      socket.setEncoding('latin1').on('data', (text: string) => {
        alive = true;
        received += text;
        const line = /^HTTP\/1\.[01] (\d{3})[ \r\n]/.exec(received);
        if (line) {
          const status = Number(line[1]);
          const good = health.statuses.length > 0 ? health.statuses.includes(status) : status >= 200 && status < 400;
          end(good ? { condition: 'well', why: '' } : { condition: 'unwell', why: `status ${status}` });
        } else if (received.length > LONGEST_STATUS_LINE) fail('the answer is not HTTP');
      });
      socket.on('error', (error) => fail(error.message));
      socket.on('close', () => fail('it closed the connection'));
    });
}
