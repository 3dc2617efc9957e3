import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { HostError } from '../error.ts';
import { forbidsForwarding } from './dial-by-shell.ts';
import { dialWithin } from './dial-within.ts';
import type { Address } from './host.ts';
import { hostName } from './host-name.ts';
import type { Relay, SshOptions } from './ssh.ts';

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

/** The same, made by a host on the way. sshd tells by words alone why it could not (RFC 4254, 5.1); they are turned into the codes of a socket's errors. */
export async function openSocketThrough({ address, endpoint = address, signal }: SshOptions, { transport }: Relay): Promise<Duplex> {
  try {
    return await dialWithin(transport.dial(endpoint.ip, endpoint.port), CONNECT_TIMEOUT, signal);
  } catch (error) {
    signal.throwIfAborted();
    const said = error instanceof Error ? error.message : String(error);
    const code = forbidsForwarding(error) ? 'EPERM' : Object.entries(REASONS).find(([, words]) => words.test(said))?.[0];
    throw code === undefined ? error : Object.assign(new Error(said, { cause: error }), { code });
  }
}

const REASONS = {
  ECONNREFUSED: /connection refused/i,
  ETIMEDOUT: /timed out|no answer within/i,
  EHOSTUNREACH: /no route to host|host is unreachable/i,
  ENETUNREACH: /network is unreachable/i,
  ENOTFOUND: /unknown host|name or service not known|temporary failure in name resolution|nodename nor servname/i,
};

type Way = Pick<SshOptions, 'address' | 'endpoint' | 'through'>;

/** What a failed connection means to a user (exit 2). */
export function unreachable({ address, endpoint = address, through }: Way, error: unknown): HostError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const { port } = endpoint;
  const why =
    {
      ECONNREFUSED: `nothing listens on port ${port}`,
      ETIMEDOUT: `no answer on port ${port} within ${CONNECT_TIMEOUT / 1000} s`,
      EHOSTUNREACH: 'there is no route to it, or it is off',
      ENETUNREACH: 'there is no route to its network',
      EADDRNOTAVAIL: 'this machine has no address that could reach it',
      ECONNRESET: `it closed the connection to port ${port}`,
      ENOTFOUND: `there is no address for the name ${endpoint.ip}`,
      EAI_AGAIN: `the name ${endpoint.ip} could not be looked up`,
      EPERM: 'the host on the way forwards no connections',
    }[code] ?? `connecting to port ${port} failed (${error instanceof Error ? error.message : String(error)})`;
  const way = through === undefined ? '' : ` through ${through.name}`;
  return new HostError('unreachable', `cannot be reached${way}: ${why}`, {
    host: hostName(address),
    title: 'connecting',
    exitCode: 2,
    cause: error,
    hint:
      code === 'EPERM'
        ? `allow forwarding in the sshd_config of ${through?.name} (AllowTcpForwarding)`
        : 'see whether the host is on, the address is right, and sshd listens there (another port: --port, or IP:PORT)',
  });
}
