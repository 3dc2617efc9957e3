// Debian's etcd, with certificates as a control plane has them, on loopback addresses of its own: several clusters run side by side.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Host, HostError } from '@sealos/runtime';
import { ensurePki } from '../../packages/runtime/src/pki/pki.ts';
import { unpacked } from '../../scripts/debian.ts';
import { run } from './programs.ts';
import { until } from './until.ts';

export interface EtcdMemberProcess {
  readonly name: string;
  readonly ip: string;
  readonly dataDirectory: string;
  /** The host that it runs on: only its connections are real. */
  readonly host: Host;
  start(): void;
  /** Ends it at once, like a power loss. */
  kill(): Promise<void>;
  /** Stops it where it is; `thaw` lets it go on. */
  freeze(): void;
  thaw(): void;
}

export interface EtcdCluster extends AsyncDisposable {
  readonly directory: string;
  readonly members: readonly EtcdMemberProcess[];
  readonly identity: { readonly ca: string; readonly cert: string; readonly key: string };
  /** The directory of the certificates, as the operator keeps it. */
  readonly pki: string;
  /** Real etcdctl, with the client's certificate, asking the named members (all by default). */
  etcdctl(args: readonly string[], members?: readonly EtcdMemberProcess[]): Promise<string>;
  /** Waits until these members (all by default) answer reads. */
  ready(members?: readonly EtcdMemberProcess[]): Promise<void>;
}

export const etcdProgram = () => join(unpacked('etcd-server'), 'usr', 'bin', 'etcd');
export const etcdctlProgram = () => join(unpacked('etcd-client'), 'usr', 'bin', 'etcdctl');

/** A host of which only `dial` is real: connections go to its loopback address. */
function dialOnly(ip: string, name: string): Host {
  const none = () => Promise.reject(new Error(`${name} is a connection only`));
  return {
    address: { ip, port: 22 },
    name,
    run: none,
    unpack: none,
    writeFiles: none,
    readFile: none,
    dial: (_ip, port) =>
      new Promise((resolve, reject) => {
        const socket = connect({ host: ip, port, noDelay: true });
        socket.once('error', ({ message }) => reject(new HostError('not-listening', message, { host: name })));
        socket.once('connect', () => {
          socket.removeAllListeners('error');
          resolve(socket);
        });
      }),
    [Symbol.asyncDispose]: async () => {},
  };
}

interface MemberInput {
  readonly ip: string;
  readonly name: string;
  readonly directory: string;
  /** Its own certificates, and the authority's. */
  readonly certificates: string;
  readonly authority: string;
  readonly initialCluster: string;
}

function memberProcess({ ip, name, directory, certificates, authority, initialCluster }: MemberInput): EtcdMemberProcess {
  const dataDirectory = join(directory, name);
  let child: ChildProcess | undefined;
  const kill = async () => {
    const running = child;
    child = undefined;
    if (running?.exitCode !== null || running.signalCode !== null) return;
    const closed = new Promise((resolve) => running.once('close', resolve));
    running.kill('SIGKILL');
    await closed;
  };
  return {
    name,
    ip,
    dataDirectory,
    host: dialOnly(ip, name),
    kill,
    freeze: () => void child?.kill('SIGSTOP'),
    thaw: () => void child?.kill('SIGCONT'),
    start() {
      const tls = (kind: 'server' | 'peer') => {
        const prefix = kind === 'peer' ? 'peer-' : '';
        return [
          `--${prefix}cert-file=${join(certificates, 'etcd', `${kind}.crt`)}`,
          `--${prefix}key-file=${join(certificates, 'etcd', `${kind}.key`)}`,
          `--${prefix}trusted-ca-file=${authority}`,
          `--${prefix}client-cert-auth=true`,
        ];
      };
      child = spawn(
        etcdProgram(),
        [
          `--name=${name}`,
          `--data-dir=${dataDirectory}`,
          `--listen-client-urls=https://${ip}:2379`,
          `--advertise-client-urls=https://${ip}:2379`,
          `--listen-peer-urls=https://${ip}:2380`,
          `--initial-advertise-peer-urls=https://${ip}:2380`,
          `--initial-cluster=${initialCluster}`,
          // A laden machine must not look like one that failed.
          '--heartbeat-interval=300',
          '--election-timeout=3000',
          ...tls('server'),
          ...tls('peer'),
        ],
        { stdio: 'ignore', env: {} },
      );
    },
  };
}

/** Starts a cluster of so many members; it answers when this returns. */
export async function startEtcd(count: number): Promise<EtcdCluster> {
  const directory = mkdtempSync(join(tmpdir(), 'sealos-etcd-'));
  const block = `127.${randomInt(10, 250)}.${randomInt(1, 250)}`;
  const named = Array.from({ length: count }, (_, index) => ({ ip: `${block}.${index + 1}`, nodeName: `m${index + 1}` }));
  await ensurePki(directory, { masters: named, version: 'v1.20.2', vip: '10.103.97.2', serviceSubnet: '10.96.0.0/22' });
  const pki = join(directory, 'pki');
  const initialCluster = named.map(({ ip, nodeName }) => `${nodeName}=https://${ip}:2380`).join(',');
  const members = named.map(({ ip, nodeName }, index) =>
    memberProcess({
      ip,
      name: nodeName,
      directory,
      certificates: index === 0 ? pki : join(pki, 'hosts', nodeName),
      authority: join(pki, 'etcd', 'ca.crt'),
      initialCluster,
    }),
  );
  return { directory, members, pki, ...(await begun(directory, members, pki)) };
}

async function begun(directory: string, members: readonly EtcdMemberProcess[], pki: string) {
  const client = (name: string) => join(pki, 'etcd', name);
  const etcdctl = (args: readonly string[], asked = members) =>
    run(etcdctlProgram(), args, {
      ETCDCTL_API: '3',
      ETCDCTL_ENDPOINTS: asked.map(({ ip }) => `https://${ip}:2379`).join(','),
      ETCDCTL_CACERT: client('ca.crt'),
      ETCDCTL_CERT: client('healthcheck-client.crt'),
      ETCDCTL_KEY: client('healthcheck-client.key'),
    });
  const ready = async (asked = members) => {
    await until('etcd to answer', 60_000, () => etcdctl(['endpoint', 'health'], asked));
  };
  const stop = async () => {
    await Promise.all(members.map((member) => member.kill()));
    process.removeListener('exit', onExit);
    rmSync(directory, { recursive: true, force: true });
  };
  const onExit = () => {
    for (const member of members) void member.kill();
    rmSync(directory, { recursive: true, force: true });
  };
  process.once('exit', onExit);
  for (const member of members) member.start();
  await ready().catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  return {
    identity: {
      ca: await readFile(client('ca.crt'), 'utf8'),
      cert: await readFile(client('healthcheck-client.crt'), 'utf8'),
      key: await readFile(client('healthcheck-client.key'), 'utf8'),
    },
    etcdctl,
    ready,
    [Symbol.asyncDispose]: stop,
  };
}
