// A real OpenSSH server on loopback, for tests of the runtime's hands. It runs as root, with keys and files of its own.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureInstalled } from '../../scripts/debian.ts';
import { until } from './until.ts';

export interface Sshd extends AsyncDisposable {
  readonly port: number;
  readonly pid: number;
  /** A private key that it accepts for root. */
  readonly keyFile: string;
  /** A known_hosts file that names it. */
  readonly knownHosts: string;
  readonly directory: string;
  /** Ends it and gives it another host key, on the same port. */
  replaceHostKey(): Promise<void>;
  /** Ends the connections that are open, as a cut cable would. */
  cutConnections(): void;
  /** How many connections are open. */
  connections(): number;
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => (address && typeof address === 'object' ? resolve(address.port) : reject(new Error('no port'))));
    });
  });
}

function run(command: string, ...args: readonly string[]): string {
  const result = spawnSync(command, args, { encoding: 'utf8' });
  if (result.status !== 0) throw new Error(`${command} ${args.join(' ')}: ${result.stderr}`);
  return result.stdout;
}

function answers(port: number): Promise<true | undefined> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('error', () => resolve(undefined));
    socket.once('data', () => {
      socket.destroy();
      resolve(true);
    });
  });
}

/** Processes whose parent is the given one: sshd forks one for each connection. */
function childrenOf(pid: number): readonly number[] {
  return spawnSync('ps', ['-o', 'pid=', '--ppid', String(pid)], { encoding: 'utf8' })
    .stdout.split('\n')
    .map(Number)
    .filter((child) => child > 0);
}

/** Starts a server on a free port of 127.0.0.1 and ::1; `settings` are further lines of its sshd_config. */
export async function startSshd(settings: readonly string[] = []): Promise<Sshd> {
  ensureInstalled(['openssh-server', 'openssh-client']);
  const directory = mkdtempSync(join(tmpdir(), 'sealos-sshd-'));
  const port = await freePort();
  const path = (name: string) => join(directory, name);
  mkdirSync('/run/sshd', { recursive: true });
  run('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', path('user'));
  run('cp', path('user.pub'), path('authorized_keys'));
  const newHostKey = () => {
    rmSync(path('host'), { force: true });
    rmSync(path('host.pub'), { force: true });
    run('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', path('host'));
  };
  newHostKey();
  const [type, key] = run('cat', path('host.pub')).split(' ');
  writeFileSync(path('known_hosts'), `[127.0.0.1]:${port},[::1]:${port} ${type} ${key}\n`);
  const lines = [
    ...settings,
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    'ListenAddress ::1',
    `HostKey ${path('host')}`,
    `AuthorizedKeysFile ${path('authorized_keys')}`,
    `PidFile ${path('pid')}`,
    'PermitRootLogin yes',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'UsePAM no',
    'StrictModes no',
    'LogLevel ERROR',
  ];
  writeFileSync(path('config'), `${lines.join('\n')}\n`);
  let child: ChildProcess;
  const start = async () => {
    child = spawn('/usr/sbin/sshd', ['-D', '-e', '-f', path('config')], { stdio: 'ignore' });
    await until('sshd to answer', 60_000, () => answers(port));
  };
  const stop = () =>
    new Promise<void>((resolve) => {
      if (child.exitCode !== null || child.signalCode !== null) return resolve();
      child.once('exit', () => resolve());
      child.kill('SIGTERM');
    });
  const cutConnections = () => {
    for (const pid of childrenOf(child.pid ?? -1)) process.kill(pid, 'SIGKILL');
  };
  await start();
  return {
    port,
    get pid() {
      return child.pid ?? -1;
    },
    keyFile: path('user'),
    knownHosts: path('known_hosts'),
    directory,
    cutConnections,
    connections: () => childrenOf(child.pid ?? -1).length,
    async replaceHostKey() {
      await stop();
      newHostKey();
      await start();
    },
    async [Symbol.asyncDispose]() {
      cutConnections();
      await stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
