import { setTimeout as pause } from 'node:timers/promises';
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
import { type HostKeyPolicy, knownHostsFiles, knownKeyTypes, verifyHostKey } from './known-hosts.ts';
import { type Credentials, type Login, loginRefused, prepareLogin } from './ssh-login.ts';
import { openSocket, unreachable } from './ssh-socket.ts';
import type { RemoteCommand, Transport } from './transport.ts';

export interface SshOptions {
  readonly address: Address;
  readonly user: string;
  readonly credentials: Credentials;
  /** File of host keys in place of ~/.ssh/known_hosts and /etc/ssh/ssh_known_hosts. */
  readonly knownHosts?: string | undefined;
  /** What happens with a host whose key is not known: recorded (`accept-new`, the default), or refused. */
  readonly hostKeyPolicy?: HostKeyPolicy | undefined;
  readonly signal: AbortSignal;
}

const CONNECT_TRIES = 3;
/** For the handshake and the login, in milliseconds. */
const READY_TIMEOUT = 20_000;
const KEEPALIVE = 15_000;
const KEEPALIVES_MISSED = 4;
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

/** Connects and logs in. Throws HostError (exit 2): unreachable, a host key that is refused, a login that is refused. */
export async function connectSsh(options: SshOptions): Promise<Transport> {
  const { address, signal } = options;
  const login = await prepareLogin(hostName(address), options.user, options.credentials);
  if (login.attempts.length === 0) throw loginRefused(hostName(address), options.user, login, [], undefined);
  for (let attempt = 1; ; attempt += 1) {
    signal.throwIfAborted();
    try {
      return sshTransport(await connectOnce(options, login));
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof HostError) throw error;
      // sshd drops connections at random while too many are being made (MaxStartups).
      if (attempt === CONNECT_TRIES || !isReset(error)) throw unreachable(address, error);
      await pause(200 * attempt + 400 * Math.random(), undefined, { signal });
    }
  }
}

function isReset(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return ('code' in error && error.code === 'ECONNRESET') || /^Connection lost before handshake/.test(error.message);
}

/** Throws HostError for what will not be otherwise the next time, else what the socket or ssh2 said. */
async function connectOnce(options: SshOptions, login: Login): Promise<Client> {
  const { address, signal, user } = options;
  const host = hostName(address);
  const files = knownHostsFiles(options.knownHosts);
  const known = await knownKeyTypes(address, files);
  const socket = await openSocket(address, signal);
  const client = new ssh2.Client();
  let keyError: unknown;
  let greeting = '';
  let offered: readonly AuthenticationType[] | undefined;
  const tried: string[] = [];
  const waiting = [...login.attempts];
  const config: ConnectConfig = {
    sock: socket,
    username: user,
    readyTimeout: READY_TIMEOUT,
    keepaliveInterval: KEEPALIVE,
    keepaliveCountMax: KEEPALIVES_MISSED,
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
      verifyHostKey(address, key, files, options.hostKeyPolicy).then(
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
      } else fail(handshakeError(address, error, greeting) ?? error);
    });
    client.connect(config);
    socket.on('data', (chunk: Buffer) => {
      if (greeting.length < GREETING) greeting += chunk.toString('latin1', 0, GREETING);
    });
  });
}

function isKnown(algorithm: string, known: readonly string[]): boolean {
  return known.includes(algorithm.startsWith('rsa-sha2-') ? 'ssh-rsa' : algorithm);
}

/** What answers but is not a server that can be spoken with. */
function handshakeError(address: Address, error: Error & ClientErrorExtensions, greeting: string): HostError | undefined {
  const details = { host: hostName(address), title: 'connecting', exitCode: 2, cause: error } as const;
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

function sshTransport(client: Client): Transport {
  let isClosed = false;
  const closed = new Promise<void>((resolve) => {
    client.once('close', () => {
      isClosed = true;
      resolve();
    });
  });
  return {
    start: (commandLine) => startCommand(client, commandLine, closed),
    dial: (ip, port) =>
      new Promise((resolve, reject) => {
        client.forwardOut('127.0.0.1', 0, ip, port, (error, channel) => (error ? reject(error) : resolve(channel)));
      }),
    destroy: () => client.destroy(),
    async [Symbol.asyncDispose]() {
      if (isClosed) return;
      client.end();
      const timer = setTimeout(() => client.destroy(), 2000);
      await closed;
      clearTimeout(timer);
    },
  };
}

function startCommand(client: Client, commandLine: string, closed: Promise<void>): Promise<RemoteCommand> {
  return new Promise((resolve, reject) => {
    client.exec(commandLine, (error, channel) => {
      if (error) {
        reject(error);
        return;
      }
      let status: number | undefined;
      channel.on('exit', (code: number | null, signal?: string) => {
        status = code ?? (signal === undefined ? 255 : 128);
      });
      const exit = new Promise<number | undefined>((done) => {
        channel.once('close', () => done(status));
        void closed.then(() => done(status));
      });
      resolve({ stdin: channel, stdout: channel, stderr: channel.stderr, exit, end: () => channel.destroy() });
    });
  });
}
