// Debian's docker-registry, a registry that is not ours, started on loopback for a test, a benchmark or the demo.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hashSync } from 'bcryptjs';
import { unpacked } from '../../scripts/debian.ts';
import { type KeyPair, makeAuthority, makeCertificate } from './certificates.ts';

export interface DockerRegistryOptions {
  /** Ask for this login on every request. */
  readonly htpasswd?: { readonly user: string; readonly password: string };
  /** Ask for tokens of this issuer (files: PEM certificates that sign them). */
  readonly token?: { readonly realm: string; readonly service: string; readonly issuer: string; readonly rootCertificates: string };
  /** HTTPS with a certificate of an authority made for this registry (`ca`). */
  readonly tls?: boolean;
  /** With `tls`: refuse clients that show no certificate (`client`). */
  readonly clientCertificate?: boolean;
  /** Where it keeps its content. Default: a temporary directory, removed by `stop`. */
  readonly directory?: string;
  /** Refuse everything that writes. */
  readonly readonly?: boolean;
  /** Let manifests be deleted. Default: yes. */
  readonly deletion?: boolean;
}

export interface DockerRegistry extends AsyncDisposable {
  /** `127.0.0.1:PORT`, as in an image's name. */
  readonly address: string;
  /** With `tls`: the file with the certificate to trust. */
  readonly ca?: string;
  readonly client?: KeyPair;
  /** Where its content is, e.g. to spoil it. */
  readonly directory: string;
  /** Ends it and removes its temporary files. */
  stop(): Promise<void>;
}

/** Starts a registry on a free port; it answers when this returns. */
export async function startDockerRegistry(options: DockerRegistryOptions = {}): Promise<DockerRegistry> {
  const program = join(unpacked('docker-registry'), 'usr', 'bin', 'docker-registry');
  const work = mkdtempSync(join(tmpdir(), 'docker-registry-'));
  const directory = options.directory ?? join(work, 'content');
  const removeWork = () => rmSync(work, { recursive: true, force: true });
  try {
    mkdirSync(directory, { recursive: true });
    const tls = options.tls ? makeTls(work, options.clientCertificate === true) : undefined;
    // JSON is YAML.
    writeFileSync(join(work, 'config.yml'), JSON.stringify(configuration(options, work, directory, tls)), { mode: 0o600 });
    // Into a file: a pipe fills up, and the registry stops, while the test waits for a command without looking at it.
    const log = join(work, 'log');
    const output = openSync(log, 'w');
    const child = spawn(program, ['serve', join(work, 'config.yml')], { stdio: ['ignore', 'ignore', output], env: { HOME: work } });
    closeSync(output);
    const kill = () => {
      child.kill('SIGKILL');
      removeWork();
    };
    process.once('exit', kill);
    const stop = async () => {
      await ended(child);
      process.removeListener('exit', kill);
      removeWork();
    };
    const address = await listening(child, log).catch(async (error: unknown) => {
      await stop();
      throw error;
    });
    return {
      address,
      directory,
      ...(tls === undefined ? {} : { ca: tls.ca.certificate }),
      ...(tls?.client === undefined ? {} : { client: tls.client }),
      stop,
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    removeWork();
    throw error;
  }
}

interface Tls {
  readonly ca: KeyPair;
  readonly server: KeyPair;
  readonly client: KeyPair | undefined;
}

function makeTls(work: string, withClient: boolean): Tls {
  const ca = makeAuthority(work);
  const server = makeCertificate(work, 'server', ca);
  return { ca, server, client: withClient ? makeCertificate(work, 'client', ca) : undefined };
}

function configuration(options: DockerRegistryOptions, work: string, directory: string, tls: Tls | undefined): object {
  const auth: Record<string, object> = {};
  if (options.htpasswd !== undefined) {
    const path = join(work, 'htpasswd');
    writeFileSync(path, `${options.htpasswd.user}:${hashSync(options.htpasswd.password, 4)}\n`, { mode: 0o600 });
    auth['htpasswd'] = { realm: 'a registry of a test', path };
  }
  if (options.token !== undefined) {
    const { realm, service, issuer, rootCertificates } = options.token;
    auth['token'] = { realm, service, issuer, rootcertbundle: rootCertificates };
  }
  const certificates =
    tls === undefined
      ? {}
      : {
          tls: {
            certificate: tls.server.certificate,
            key: tls.server.key,
            ...(tls.client === undefined ? {} : { clientcas: [tls.ca.certificate] }),
          },
        };
  return {
    version: '0.1',
    log: { level: 'info', accesslog: { disabled: true } },
    storage: {
      filesystem: { rootdirectory: directory, maxthreads: 100 },
      delete: { enabled: options.deletion !== false },
      maintenance: { uploadpurging: { enabled: false }, readonly: { enabled: options.readonly === true } },
    },
    // Port 0: the kernel chooses a free one, which the log names.
    http: { addr: '127.0.0.1:0', secret: randomBytes(16).toString('hex'), ...certificates },
    ...(Object.keys(auth).length === 0 ? {} : { auth }),
  };
}

function listening(child: ChildProcess, log: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void) => {
      clearInterval(timer);
      act();
    };
    const timer = setInterval(() => {
      const address = /listening on (127\.0\.0\.1:\d+)/.exec(readFileSync(log, 'utf8'))?.[1];
      if (address !== undefined) settle(() => resolve(address));
    }, 20);
    child.once('error', (error) => settle(() => reject(error)));
    child.once('close', (status) => {
      const last = readFileSync(log, 'utf8').split('\n').slice(-12).join('\n');
      settle(() => reject(new Error(`docker-registry ended (exit status ${status}):\n${last}`)));
    });
  });
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return resolve();
    child.once('close', () => resolve());
    child.kill('SIGTERM');
    // It waits for connections that are kept alive.
    const timer = setTimeout(() => child.kill('SIGKILL'), 2000);
    timer.unref();
  });
}
