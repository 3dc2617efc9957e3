import type { Duplex } from 'node:stream';
import ssh2, {
  type AuthenticationType,
  type Client,
  type ClientErrorExtensions,
  type ConnectConfig,
  type ServerHostKeyAlgorithm,
} from 'ssh2';
import { HostError } from '../error.ts';
import type { Address } from './host.ts';
import { hostName } from './host-name.ts';
import { knownHostsFiles, knownKeyTypes, verifyHostKey } from './known-hosts.ts';
import type { SshOptions } from './ssh.ts';
import { type Login, loginRefused } from './ssh-login.ts';
import { KEEPALIVE } from './ssh-silence.ts';

/** For the handshake and the login, in milliseconds. */
const READY_TIMEOUT = 20_000;
/** Bytes of a server's first words that are looked at. */
const GREETING = 1024;
/** Without SHA-1. */
const HOST_KEYS: readonly ServerHostKeyAlgorithm[] = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
  'rsa-sha2-256',
];

/**
 * Speaks SSH over a connection until the user is logged in. Throws HostError for what will not be otherwise the next time, else what the
 * connection or ssh2 said. The connection is the client's from then on, and closed where this fails.
 */
export async function handshake(options: SshOptions, login: Login, connection: Duplex): Promise<Client> {
  const { address, endpoint = address, signal, user } = options;
  const host = hostName(address);
  const files = knownHostsFiles(options.knownHosts);
  const known = await knownKeyTypes(endpoint, files).catch((error: unknown) => {
    connection.destroy();
    throw error;
  });
  const client = new ssh2.Client();
  let keyError: unknown;
  let greeting = '';
  let offered: readonly AuthenticationType[] | undefined;
  const tried: string[] = [];
  const waiting = [...login.attempts];
  const config: ConnectConfig = {
    // ssh2 takes any duplex stream ("sock: ReadableStream"); its types know sockets only by what it reads of them.
    sock: connection,
    username: user,
    readyTimeout: READY_TIMEOUT,
    keepaliveInterval: KEEPALIVE,
    // ssh2 counts only answers to its own questions; watchSilence, which counts every byte, decides instead.
    keepaliveCountMax: Number.MAX_SAFE_INTEGER,
    algorithms: {
      cipher: [
        'aes128-gcm@openssh.com',
        'aes256-gcm@openssh.com',
        'aes128-ctr',
        'aes192-ctr',
        'aes256-ctr',
        'chacha20-poly1305@openssh.com',
      ],
      serverHostKey: [...HOST_KEYS].sort((a, b) => Number(isKnown(b, known)) - Number(isKnown(a, known))),
    },
    hostVerifier: (key: Buffer, done: (valid: boolean) => void) => {
      verifyHostKey(endpoint, key, files, options.hostKeyPolicy).then(
        () => done(true),
        (error: unknown) => {
          keyError = error;
          done(false);
        },
      );
    },
    authHandler: (left, _partial, next) => {
      // The first time nothing is known of what the host takes: asking costs one round trip and no attempt.
      if (left === null || left === undefined) {
        next({ type: 'none', username: user });
        return;
      }
      offered ??= left;
      const at = waiting.findIndex(({ method }) => left.includes(method.type === 'agent' ? 'publickey' : method.type));
      const [attempt] = at < 0 ? [] : waiting.splice(at, 1);
      if (attempt && !tried.includes(attempt.name)) tried.push(attempt.name);
      next(attempt ? attempt.method : (false as never));
    },
  };
  return new Promise<Client>((resolve, reject) => {
    const settle = (act: () => void) => {
      signal.removeEventListener('abort', onAbort);
      act();
    };
    const fail = (error: unknown) =>
      settle(() => {
        client.destroy();
        connection.destroy();
        reject(error);
      });
    const onAbort = () => fail(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    client.once('ready', () => settle(() => resolve(client)));
    client.on('change password', () => fail(loginRefused(host, user, login, tried, offered, 'the password has expired')));
    client.on('close', () => fail(Object.assign(new Error('the connection was closed'), { code: 'ECONNRESET' })));
    client.on('error', (error: Error & ClientErrorExtensions) => {
      // An agent that does not answer is no reason to fail: ssh2 goes on with what is left.
      if (error.level === 'agent') return;
      if (keyError !== undefined) fail(keyError);
      else if (error.level === 'client-authentication') fail(loginRefused(host, user, login, tried, offered));
      else if (/too many authentication failures/i.test(error.message)) {
        fail(loginRefused(host, user, login, tried, offered, `it gave up after too many attempts with ${tried.join(', ')}`));
      } else fail(handshakeError(host, endpoint, error, greeting) ?? error);
    });
    client.connect(config);
    connection.on('data', (chunk: Buffer) => {
      if (greeting.length < GREETING) greeting += chunk.toString('latin1', 0, GREETING);
    });
  });
}

function isKnown(algorithm: string, known: readonly string[]): boolean {
  return known.includes(algorithm.startsWith('rsa-sha2-') ? 'ssh-rsa' : algorithm);
}

/** What answers but is not a server that can be spoken with. */
function handshakeError(host: string, address: Address, error: Error & ClientErrorExtensions, greeting: string): HostError | undefined {
  const details = { host, title: 'connecting', exitCode: 2, cause: error } as const;
  if (/no matching/i.test(error.message)) {
    return new HostError('unreachable', `its SSH server has nothing in common with this client (${error.message})`, {
      ...details,
      hint: 'an OpenSSH of version 7.2 or later is needed there',
    });
  }
  if (error.level === 'client-timeout') {
    return new HostError(
      'unreachable',
      `cannot be reached: port ${address.port} is open, but nothing was said within ${READY_TIMEOUT / 1000} s`,
      {
        ...details,
        hint: 'see whether it is sshd that listens there, and whether the host is overloaded',
      },
    );
  }
  // RFC 4253, 4.2: other lines may come before the one that begins with SSH-. An sshd that drops a connection may say why first.
  if (greeting !== '' && !/^SSH-/m.test(greeting) && !/MaxStartups|not allowed at this time/i.test(greeting)) {
    return new HostError('unreachable', `cannot be reached: what answers on port ${address.port} is not an SSH server`, {
      ...details,
      hint: "give sshd's port with --port, or as IP:PORT",
    });
  }
  return undefined;
}
