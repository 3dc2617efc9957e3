import { readFile } from 'node:fs/promises';
import { connect as connectSocket, type Socket } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import ssh2, { type AnyAuthMethod, type Client, type ConnectConfig, type ServerHostKeyAlgorithm } from 'ssh2';
import { HostError } from '../error.ts';
import type { Address } from './host.ts';
import { knownHostsFiles, knownHostsName, knownKeyTypes, verifyHostKey } from './known-hosts.ts';
import type { RemoteCommand, Transport } from './transport.ts';

export interface Credentials {
  readonly password?: string | undefined;
  readonly keyFile?: string | undefined;
  readonly passphrase?: string | undefined;
}

export interface SshOptions {
  readonly address: Address;
  readonly user: string;
  readonly credentials: Credentials;
  readonly knownHosts?: string | undefined;
  readonly signal: AbortSignal;
}

const CONNECT_TIMEOUT = 10_000;
const CONNECT_TRIES = 3;
const DEFAULT_KEYS = ['id_ed25519', 'id_ecdsa', 'id_rsa'];
const HOST_KEYS = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
  'rsa-sha2-256',
  'ssh-rsa',
] as const;

/** A socket of our own, because ssh2 leaves Nagle's algorithm on: connecting takes five times as long with it. */
async function openSocket(address: Address, host: string, signal: AbortSignal): Promise<Socket> {
  for (let attempt = 1; ; attempt += 1) {
    signal.throwIfAborted();
    try {
      return await trySocket(address, signal);
    } catch (error) {
      signal.throwIfAborted();
      const code = error instanceof Error && 'code' in error ? String(error.code) : '';
      if (attempt < CONNECT_TRIES && code === 'ECONNRESET') {
        await pause(100 * 2 ** attempt * Math.random(), undefined, { signal });
        continue;
      }
      throw unreachable(host, address, code, error);
    }
  }
}

function trySocket(address: Address, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connectSocket({ host: address.ip, port: address.port, noDelay: true, keepAlive: true });
    const fail = (error: unknown) => {
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
      socket.setTimeout(0);
      resolve(socket);
    });
  });
}

function unreachable(host: string, { port }: Address, code: string, cause: unknown): HostError {
  const why =
    {
      ECONNREFUSED: `nothing listens on port ${port}`,
      ETIMEDOUT: `no answer on port ${port} within ${CONNECT_TIMEOUT / 1000} s`,
      EHOSTUNREACH: 'there is no route to it, or it is off',
      ENETUNREACH: 'there is no route to its network',
    }[code] ?? `the connection failed (${code || String(cause)})`;
  return new HostError('unreachable', `cannot be reached: ${why}`, {
    host,
    exitCode: 2,
    cause,
    hint: 'see whether the host is on, the address is right, and sshd listens (another port: --port, or IP:PORT)',
  });
}

interface KeyPairFile {
  readonly path: string;
  readonly content: Buffer;
}

async function readKeys(host: string, { keyFile, passphrase }: Credentials): Promise<readonly KeyPairFile[]> {
  if (keyFile !== undefined) {
    const path = keyFile.replace(/^~(?=\/)/, homedir());
    const content = await readFile(path).catch((error: NodeJS.ErrnoException) => {
      throw new HostError('bad-key', `the private key ${path} cannot be read (${error.code})`, {
        host,
        exitCode: 2,
        hint: 'name the key with -i FILE',
      });
    });
    const parsed = ssh2.utils.parseKey(content, passphrase);
    if (parsed instanceof Error) throw badKey(host, path, parsed, passphrase !== undefined);
    return [{ path, content }];
  }
  const keys: KeyPairFile[] = [];
  for (const name of DEFAULT_KEYS) {
    const path = join(homedir(), '.ssh', name);
    const content = await readFile(path).catch(() => undefined);
    // A default key that cannot be used is no reason to fail: others may do.
    if (content && !(ssh2.utils.parseKey(content, passphrase) instanceof Error)) keys.push({ path, content });
  }
  return keys;
}

function badKey(host: string, path: string, error: Error, hadPassphrase: boolean): HostError {
  const encrypted = /encrypted|passphrase|integrity check failed|bad decrypt/i.test(error.message);
  if (encrypted && !hadPassphrase) {
    return new HostError('bad-key', `the private key ${path} is protected by a passphrase`, {
      host,
      exitCode: 2,
      hint: 'give it with --pk-passwd (asks for it) or SEALOS_PK_PASSWD',
    });
  }
  if (encrypted) return new HostError('bad-key', `the passphrase of the private key ${path} is wrong`, { host, exitCode: 2, cause: error });
  const hint = 'a private key is meant: not the .pub file, not a password';
  return new HostError('bad-key', `${path} is not a private key (${error.message})`, { host, exitCode: 2, hint });
}

function authMethods(options: SshOptions, keys: readonly KeyPairFile[]): readonly AnyAuthMethod[] {
  const { user, credentials } = options;
  const agent = process.env['SSH_AUTH_SOCK'];
  const { password, passphrase } = credentials;
  return [
    ...(agent ? [{ type: 'agent' as const, username: user, agent }] : []),
    ...keys.map(({ content }) => ({
      type: 'publickey' as const,
      username: user,
      key: content,
      ...(passphrase === undefined ? {} : { passphrase }),
    })),
    ...(password === undefined
      ? []
      : [
          { type: 'password' as const, username: user, password },
          {
            type: 'keyboard-interactive' as const,
            username: user,
            prompt: (
              _name: string,
              _instructions: string,
              _language: string,
              prompts: readonly unknown[],
              finish: (answers: string[]) => void,
            ) => finish(prompts.map(() => password)),
          },
        ]),
  ];
}

function refused(host: string, options: SshOptions, keys: readonly KeyPairFile[]): HostError {
  const tried = [
    ...(process.env['SSH_AUTH_SOCK'] ? ['the agent'] : []),
    ...keys.map(({ path }) => path),
    ...(options.credentials.password === undefined ? [] : ['the password']),
  ];
  const what = tried.length === 0 ? 'there is neither a key nor a password to log in with' : `it refuses ${tried.join(', ')}`;
  return new HostError('login-refused', `cannot log in as ${options.user}: ${what}`, {
    host,
    exitCode: 2,
    hint: 'name a user (-u), a key (-i) or a password (-p asks for it) that the host accepts',
  });
}

/** Connects and logs in. Throws HostError (exit 2): unreachable, a host key that changed, a login that is refused. */
export async function connectSsh(options: SshOptions): Promise<Transport> {
  const { address, signal } = options;
  const host = knownHostsName(address);
  const keys = await readKeys(host, options.credentials);
  const methods = authMethods(options, keys);
  if (methods.length === 0) throw refused(host, options, keys);
  const files = knownHostsFiles(options.knownHosts);
  const known = await knownKeyTypes(address, files);
  const socket = await openSocket(address, host, signal);
  const client = new ssh2.Client();
  let keyProblem: unknown;
  const remaining = [...methods];
  const config: ConnectConfig = {
    sock: socket,
    username: options.user,
    readyTimeout: 20_000,
    keepaliveInterval: 15_000,
    keepaliveCountMax: 4,
    algorithms: {
      cipher: { prepend: ['aes128-gcm@openssh.com'], append: [], remove: [] },
      serverHostKey: hostKeyOrder(known),
    },
    hostVerifier: (key: Buffer, done: (valid: boolean) => void) => {
      verifyHostKey(address, key, files).then(
        () => done(true),
        (error: unknown) => {
          keyProblem = error;
          done(false);
        },
      );
    },
    authHandler: (_left, _partial, next) => next(remaining.shift() ?? (false as never)),
  };
  await new Promise<void>((resolve, reject) => {
    const onAbort = () => {
      client.destroy();
      reject(signal.reason);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    client.once('ready', () => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    });
    client.on('error', (error) => {
      signal.removeEventListener('abort', onAbort);
      client.destroy();
      if (keyProblem) reject(keyProblem);
      else if (error.level === 'client-authentication') reject(refused(host, options, keys));
      else reject(unreachable(host, address, '', error.message));
    });
    client.connect(config);
  });
  client.on('error', () => {});
  return sshTransport(client);
}

/** Known types first; `ssh-rsa` keys sign with SHA-2. */
function hostKeyOrder(known: readonly string[]): ServerHostKeyAlgorithm[] {
  const isKnown = (algorithm: string) => known.includes(algorithm) || (known.includes('ssh-rsa') && algorithm.startsWith('rsa-sha2'));
  return [...HOST_KEYS].sort((a, b) => Number(isKnown(b)) - Number(isKnown(a)));
}

function sshTransport(client: Client): Transport {
  const closed = new Promise<void>((resolve) => client.once('close', () => resolve()));
  return {
    start: (commandLine) =>
      new Promise<RemoteCommand>((resolve, reject) => {
        client.exec(commandLine, (error, channel) => {
          if (error) {
            reject(error);
            return;
          }
          let status: number | undefined;
          channel.on('exit', (code: number | null) => {
            status = code ?? 255;
          });
          const exit = new Promise<number>((done) => {
            channel.once('close', () => done(status ?? 255));
            void closed.then(() => done(status ?? 255));
          });
          resolve({ stdin: channel, stdout: channel, stderr: channel.stderr, exit, end: () => channel.destroy() });
        });
      }),
    async [Symbol.asyncDispose]() {
      client.end();
      const timer = setTimeout(() => client.destroy(), 2000);
      await closed;
      clearTimeout(timer);
    },
  };
}
