// A worker and API servers, each in a network of its own on this machine: network namespaces, joined by pairs of veth.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ensureInstalled } from '../../scripts/debian.ts';
import { makeAuthority, makeCertificate } from './certificates.ts';
import { until } from './until.ts';

const root = dirname(dirname(import.meta.dirname));

export const VIP = '10.103.97.2';
export const VS = `${VIP}:6443`;

/** A connection that its client holds open: it asks, and sees who answers. */
export interface Held {
  /** Asks once more over the same connection; resolves with the server's name, rejects when the connection ended. */
  ask(): Promise<string>;
  close(): void;
}

export interface Guard {
  readonly process: ChildProcess;
  /** What it logged so far. */
  log(): string;
  stop(signal: NodeJS.Signals): Promise<number | null>;
}

export interface Rooms extends AsyncDisposable {
  readonly servers: readonly { readonly name: string; readonly ip: string; readonly endpoint: string }[];
  readonly authority: string;
  /** This node's address, as the servers see it, on the way to the first. */
  readonly nodeIp: string;
  /** Runs a program in the worker's network; its output. Throws when it fails. */
  onWorker(...command: readonly string[]): string;
  /** Who answers a new connection to an address (the virtual one by default); throws when nobody does. */
  call(endpoint?: string): string;
  /** Opens connections to the virtual address, from the worker or another network, until one is with this server. */
  hold(server: number, from?: string): Promise<Held>;
  /** Resolves when everything that a server sent is acknowledged: what is under way while its translation is missing ends its connection. */
  quiet(server: number): Promise<void>;
  /** A network behind the worker, as a pod's. */
  openPod(): AsyncDisposable & { readonly name: string; call(): string };
  /** Kills a server's process, so that connections are refused. */
  kill(server: number): Promise<void>;
  start(server: number): Promise<void>;
  /** A server that answers nothing although its machine still takes connections. */
  freeze(server: number): void;
  thaw(server: number): void;
  /** What `/healthz` answers. */
  setHealth(server: number, status: number): Promise<void>;
  /** As when the power goes: nothing comes back, not even a refusal. */
  cut(server: number): void;
  join(server: number): void;
  guard(...args: readonly string[]): Guard;
}

/** Makes the rooms; all of it is gone with them. Needs root. */
export async function openRooms(count: number): Promise<Rooms> {
  ensureInstalled(['iproute2', 'nftables', 'openssl', 'curl']);
  const directory = mkdtempSync(join(tmpdir(), 'sealos-lvscare-'));
  const authority = makeAuthority(directory);
  const certificate = makeCertificate(directory, 'server', authority);
  // Names of devices are 15 characters at most, and other tests make theirs at the same time.
  const tag = `l${process.pid}`;
  const worker = `${tag}w`;
  const ip = (...args: readonly string[]) => execFileSync('ip', args, { stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8' });
  const servers = Array.from({ length: count }, (_, index) => ({
    name: `m${index}`,
    room: `${tag}m${index}`,
    device: `${tag}v${index}`,
    gateway: `10.77.${index}.1`,
    ip: `10.77.${index}.2`,
    endpoint: `10.77.${index}.2:6443`,
  }));
  const processes: (ChildProcess | undefined)[] = servers.map(() => undefined);
  const children = new Set<ChildProcess>();
  const started = (child: ChildProcess) => {
    children.add(child);
    child.on('exit', () => children.delete(child));
    return child;
  };
  const server = (index: number) => {
    const found = servers[index];
    if (found === undefined) throw new RangeError(`there is no server ${index}`);
    return found;
  };
  const onWorker = (...[program = '', ...args]: readonly string[]) =>
    execFileSync('ip', ['netns', 'exec', worker, program, ...args], { stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8' });
  const call = (endpoint = VS) => onWorker('curl', '-sk', '--max-time', '2', `https://${endpoint}/name`).trim();

  async function start(index: number): Promise<void> {
    const { room, name, endpoint } = server(index);
    const program = [process.execPath, join(root, 'test/support/api-server.ts'), name, certificate.certificate, certificate.key];
    processes[index] = started(spawn('ip', ['netns', 'exec', room, ...program], { stdio: ['pipe', 'ignore', 'inherit'] }));
    await until(`${name} to answer`, 30_000, async () => call(endpoint) === name || undefined);
  }

  async function end(child: ChildProcess | undefined): Promise<void> {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }

  async function hold(index: number, from = worker): Promise<Held> {
    const { name } = server(index);
    for (let tries = 0; tries < 10 * count; tries++) {
      const held = await openHeld(from, started);
      if ((await held.ask()) === name) return held;
      held.close();
    }
    throw new Error(`no connection came to ${name}`);
  }

  async function dispose(): Promise<void> {
    await Promise.all([...children].map(end));
    for (const room of [worker, ...servers.map((each) => each.room)]) ip('netns', 'del', room);
    rmSync(directory, { recursive: true, force: true });
  }

  const made: string[] = [];
  try {
    for (const room of [worker, ...servers.map((each) => each.room)]) {
      ip('netns', 'add', room);
      made.push(room);
      ip('-n', room, 'link', 'set', 'lo', 'up');
    }
    for (const { room, device, gateway, ip: address } of servers) {
      ip('link', 'add', device, 'netns', worker, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', room);
      ip('-n', worker, 'addr', 'add', `${gateway}/24`, 'dev', device);
      ip('-n', worker, 'link', 'set', device, 'up');
      ip('-n', room, 'addr', 'add', `${address}/24`, 'dev', 'eth0');
      ip('-n', room, 'link', 'set', 'eth0', 'up');
      ip('-n', room, 'route', 'add', 'default', 'via', gateway);
    }
    await Promise.all(servers.map((_, index) => start(index)));
  } catch (error) {
    await Promise.all([...children].map(end));
    for (const room of made) ip('netns', 'del', room);
    rmSync(directory, { recursive: true, force: true });
    throw error;
  }
  return {
    servers,
    authority: authority.certificate,
    nodeIp: server(0).gateway,
    onWorker,
    call,
    hold,
    start,
    async quiet(index) {
      const sockets = ['netns', 'exec', server(index).room, 'ss', '-Htn', 'state', 'established', '( sport = :6443 )'];
      await until(`${server(index).name} to have nothing under way`, 30_000, async () =>
        ip(...sockets)
          .trim()
          .split('\n')
          .every((line) => line.trim().split(/\s+/)[1] === '0')
          ? true
          : undefined,
      );
    },
    openPod() {
      const name = `${tag}p`;
      const device = `${tag}pv`;
      ip('netns', 'add', name);
      ip('link', 'add', device, 'netns', worker, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name);
      ip('-n', worker, 'addr', 'add', '10.78.0.1/24', 'dev', device);
      ip('-n', worker, 'link', 'set', device, 'up');
      ip('-n', name, 'addr', 'add', '10.78.0.2/24', 'dev', 'eth0');
      ip('-n', name, 'link', 'set', 'eth0', 'up');
      ip('-n', name, 'route', 'add', 'default', 'via', '10.78.0.1');
      onWorker('sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward');
      const curl = ['netns', 'exec', name, 'curl', '-sk', '--max-time', '2', `https://${VS}/name`];
      return { name, call: () => ip(...curl).trim(), [Symbol.asyncDispose]: async () => void ip('netns', 'del', name) };
    },
    kill: (index) => end(processes[index]),
    freeze: (index) => void processes[index]?.kill('SIGSTOP'),
    thaw: (index) => void processes[index]?.kill('SIGCONT'),
    async setHealth(index, status) {
      processes[index]?.stdin?.write(`${status}\n`);
      const { endpoint } = server(index);
      const ask = () => onWorker('curl', '-sk', '-o', '/dev/null', '-w', '%{http_code}', `https://${endpoint}/healthz`);
      await until(`/healthz to be ${status}`, 30_000, async () => ask() === String(status) || undefined);
    },
    cut: (index) => void ip('-n', server(index).room, 'link', 'set', 'eth0', 'down'),
    join(index) {
      const { room, gateway } = server(index);
      ip('-n', room, 'link', 'set', 'eth0', 'up');
      ip('-n', room, 'route', 'replace', 'default', 'via', gateway);
    },
    guard(...args) {
      const main = join(root, 'packages/lvscare/src/main.ts');
      const child = started(
        spawn('ip', ['netns', 'exec', worker, process.execPath, main, 'care', ...args], { stdio: ['ignore', 'ignore', 'pipe'] }),
      );
      let log = '';
      child.stderr?.setEncoding('utf8').on('data', (text: string) => {
        log += text;
      });
      return {
        process: child,
        log: () => log,
        async stop(signal) {
          const gone = once(child, 'exit');
          child.kill(signal);
          await gone;
          return child.exitCode;
        },
      };
    },
    [Symbol.asyncDispose]: dispose,
  };
}

/** A held connection is one of openssl's own client, that speaks HTTP/1.1 with keep-alive. */
async function openHeld(worker: string, started: (child: ChildProcess) => ChildProcess): Promise<Held> {
  const child = started(
    spawn('ip', ['netns', 'exec', worker, 'openssl', 's_client', '-quiet', '-connect', VS], { stdio: ['pipe', 'pipe', 'ignore'] }),
  );
  let text = '';
  const listeners = new Set<() => void>();
  child.stdout?.setEncoding('utf8').on('data', (part: string) => {
    text += part;
    for (const listener of listeners) listener();
  });
  child.on('exit', () => {
    for (const listener of listeners) listener();
  });
  child.stdin?.on('error', () => {});
  return {
    ask() {
      const answered = /name=(m\d+)\n/;
      text = '';
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => settle(new Error('no answer within 30 s, and the connection is still open')), 30_000);
        const settle = (result: string | Error) => {
          clearTimeout(timer);
          listeners.delete(look);
          if (typeof result === 'string') resolve(result);
          else reject(result);
        };
        const look = () => {
          const name = answered.exec(text)?.[1];
          if (name !== undefined) settle(name);
          else if (child.exitCode !== null) settle(new Error('the connection ended'));
        };
        listeners.add(look);
        child.stdin?.write(`GET /held HTTP/1.1\r\nHost: ${VS}\r\n\r\n`);
        look();
      });
    },
    close: () => void child.kill('SIGKILL'),
  };
}
