import type { Duplex } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import type { Client } from 'ssh2';
import { HostError } from '../error.ts';
import type { Address } from './host.ts';
import { hostName } from './host-name.ts';
import type { HostKeyPolicy } from './known-hosts.ts';
import { handshake } from './ssh-handshake.ts';
import { type Credentials, type Login, loginRefused, prepareLogin, unlockLogin } from './ssh-login.ts';
import { SILENCE, watchSilence } from './ssh-silence.ts';
import { openSocket, openSocketThrough, unreachable } from './ssh-socket.ts';
import type { RemoteCommand, Transport } from './transport.ts';

/** A host through which others are reached. */
export interface Relay {
  /** In errors. */
  readonly name: string;
  readonly transport: Transport;
}

export interface SshOptions {
  /** What the host is called. */
  readonly address: Address;
  /** Where its sshd is reached, where that is not the address (HostName and Port of an SSH configuration); its key is known by this name. `ip` may be a DNS name. */
  readonly endpoint?: Address | undefined;
  readonly user: string;
  readonly credentials: Credentials;
  /** Files of host keys in place of ~/.ssh/known_hosts and /etc/ssh/ssh_known_hosts; new keys go into the first. */
  readonly knownHosts?: string | readonly string[] | undefined;
  /** What happens with a host whose key is not known: recorded (`accept-new`, the default), or refused. */
  readonly hostKeyPolicy?: HostKeyPolicy | undefined;
  /** The last host on the way to this one. It stays whose it is. */
  readonly through?: Relay | undefined;
  readonly signal: AbortSignal;
}

const CONNECT_TRIES = 3;

/**
 * Connects and logs in; usual keys that are locked are unlocked by whoever sits at the terminal when nothing else is accepted.
 * Throws HostError (exit 2): unreachable, a host key that is refused, a login that is refused.
 */
export async function connectSsh(options: SshOptions): Promise<Transport> {
  const { address, credentials, user } = options;
  const host = hostName(address);
  const login = await prepareLogin(host, user, credentials);
  try {
    if (login.attempts.length === 0) throw loginRefused(host, user, login, [], undefined);
    return await connectAs(options, login);
  } catch (error) {
    if (!(error instanceof HostError) || error.code !== 'login-refused') throw error;
    const unlocked = await unlockLogin(host, user, login, credentials);
    if (unlocked === undefined) throw error;
    return await connectAs(options, unlocked);
  }
}

async function connectAs(options: SshOptions, login: Login): Promise<Transport> {
  const { address, endpoint = address, signal, through } = options;
  for (let attempt = 1; ; attempt += 1) {
    signal.throwIfAborted();
    try {
      const connection = through ? await openSocketThrough(options, through) : await openSocket(endpoint, signal);
      return sshTransport(await handshake(options, login, connection), connection, through);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof HostError) throw error;
      // sshd drops connections at random while too many are being made (MaxStartups).
      if (attempt === CONNECT_TRIES || !isReset(error)) throw unreachable(options, error);
      await pause(200 * attempt + 400 * Math.random(), undefined, { signal });
    }
  }
}

function isReset(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return ('code' in error && error.code === 'ECONNRESET') || /^Connection lost before handshake/.test(error.message);
}

/** How long a server may take to answer a goodbye, in milliseconds. */
const GOODBYE = 2000;

function sshTransport(client: Client, connection: Duplex, through: Relay | undefined): Transport {
  let why: string | undefined;
  let isClosed = false;
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  const setClosed = () => {
    isClosed = true;
    resolve();
  };
  client.once('close', setClosed);
  // Not client.destroy(), which does nothing once a goodbye was written; and what goes through another host is closed only when that one
  // says so, which is not waited for.
  const destroy = (because: string | undefined) => {
    if (isClosed) return;
    why ??= because;
    connection.destroy();
    setClosed();
  };
  watchSilence(connection, () => destroy(`nothing was heard from it for ${SILENCE} s`));
  return {
    start: (commandLine) => startCommand(client, commandLine, closed),
    dial: (ip, port) =>
      new Promise((opened, failed) => {
        client.forwardOut('127.0.0.1', 0, ip, port, (error, channel) => (error ? failed(error) : opened(channel)));
        void closed.then(() => failed(new Error('the connection is closed')));
      }),
    lostBecause() {
      const relayLost = through?.transport.lostBecause();
      return relayLost === undefined ? why : `through ${through?.name}: ${relayLost}`;
    },
    destroy,
    async [Symbol.asyncDispose]() {
      if (isClosed) return;
      client.end();
      const timer = setTimeout(destroy, GOODBYE, undefined);
      await closed;
      clearTimeout(timer);
    },
  };
}

function startCommand(client: Client, commandLine: string, closed: Promise<void>): Promise<RemoteCommand> {
  return new Promise((resolve, reject) => {
    void closed.then(() => reject(new Error('the connection is closed')));
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
