import { connect, type Socket } from 'node:net';
import { HostError } from '../error.ts';
import type { Address } from './host.ts';
import { hostName } from './host-name.ts';

/** Milliseconds. */
const CONNECT_TIMEOUT = 10_000;

/** A TCP connection to a host. It is made here, because ssh2 leaves Nagle's algorithm on: logging in takes five times as long with it. */
export function openSocket({ ip, port }: Address, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: ip, port, noDelay: true, keepAlive: true });
    const fail = (error: unknown) => {
      signal.removeEventListener('abort', onAbort);
      socket.destroy();
      reject(error);
    };
    const onAbort = () => fail(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    socket.setTimeout(CONNECT_TIMEOUT, () => fail(Object.assign(new Error('connect timed out'), { code: 'ETIMEDOUT' })));
    socket.once('error', fail);
    socket.once('connect', () => {
      signal.removeEventListener('abort', onAbort);
      socket.removeListener('error', fail);
      socket.removeAllListeners('timeout');
      socket.setTimeout(0);
      resolve(socket);
    });
  });
}

/** What a failed connection means to a user (exit 2). */
export function unreachable(address: Address, error: unknown): HostError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const { port } = address;
  const why =
    {
      ECONNREFUSED: `nothing listens on port ${port}`,
      ETIMEDOUT: `no answer on port ${port} within ${CONNECT_TIMEOUT / 1000} s`,
      EHOSTUNREACH: 'there is no route to it, or it is off',
      ENETUNREACH: 'there is no route to its network',
      EADDRNOTAVAIL: 'this machine has no address that could reach it',
      ECONNRESET: `it closed the connection to port ${port}`,
    }[code] ?? `connecting to port ${port} failed (${error instanceof Error ? error.message : String(error)})`;
  return new HostError('unreachable', `cannot be reached: ${why}`, {
    host: hostName(address),
    title: 'connecting',
    exitCode: 2,
    cause: error,
    hint: 'see whether the host is on, the address is right, and sshd listens there (another port: --port, or IP:PORT)',
  });
}
