import { readFile } from 'node:fs/promises';
import { homedir, networkInterfaces } from 'node:os';
import { SealosError } from '@sealos/image';
import { type Cluster, type ClusterHost, clusterHosts } from '../cluster/cluster.ts';
import { gatherFacts } from '../host/facts.ts';
import type { Address, Host } from '../host/host.ts';
import { openLocalHost } from '../host/local.ts';
import { openHost } from '../host/open.ts';
import { script } from '../host/script.ts';
import { readSshConfig, type SshConfig } from '../host/ssh-config.ts';
import { JumpConnections, type JumpCredentials, routeTo } from '../host/ssh-route.ts';
import { hostLayout } from '../layout.ts';
import type { ReachedHost } from './prepare.ts';

/** How this call reaches hosts, besides what the cluster's own settings say. */
export interface Connection {
  readonly password: string | undefined;
  readonly passphrase: string | undefined;
  readonly knownHosts: string | undefined;
  /** Socket of an SSH agent, or `none`; SSH_AUTH_SOCK's by default. */
  readonly agent?: string | undefined;
  /** A configuration of OpenSSH's client in place of ~/.ssh/config, or `none`. */
  readonly sshConfig?: string | undefined;
  /** For hosts on the way alone. */
  readonly jump?: JumpCredentials | undefined;
  /** Asks for the passphrase of a key, once for each; undefined where nobody can be asked. */
  readonly askPassphrase?: ((key: string) => Promise<string | undefined>) | undefined;
  /** Without any host named, the cluster is this machine. */
  readonly localIp: () => string;
}

export interface ReachedHosts extends AsyncDisposable {
  readonly reached: readonly ReachedHost[];
  readonly hostOf: (address: Address) => Host;
}

/** The address of this machine that others would use: the first that is neither loopback nor link-local. */
export function ownAddress(): string {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const found = addresses.find(({ internal, family }) => !internal && family === 'IPv4') ?? addresses.find(({ internal }) => !internal);
  if (!found)
    throw new SealosError('no-address', 'this machine has no address but loopback', {
      exitCode: 2,
      hint: 'name the hosts with --masters and --nodes',
    });
  return found.address;
}

/** Whether an address is one of this machine's. */
export function isOwnAddress(ip: string): boolean {
  return Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === ip));
}

interface Way {
  readonly connection: Connection;
  readonly config: SshConfig;
  readonly jumps: JumpConnections;
  readonly signal: AbortSignal;
}

async function open({ address, ssh }: ClusterHost, { connection, config, jumps, signal }: Way): Promise<Host> {
  const password = connection.password ?? ssh.passwd ?? (await secretIn(ssh.passwdFile, 'password'));
  if (isOwnAddress(address.ip)) return openLocalHost({ address, password, signal });
  const credentials = {
    password,
    keyFile: ssh.pk,
    keyData: ssh.pkData,
    passphrase: connection.passphrase ?? ssh.pkPasswd ?? (await secretIn(ssh.pkPasswdFile, 'passphrase')),
    agent: connection.agent,
    askPassphrase: connection.askPassphrase,
  };
  const route = routeTo({ address, ssh, credentials, jumpCredentials: connection.jump, knownHosts: connection.knownHosts, config });
  return openHost({ ...route.target, through: await jumps.to(route.jumps), signal });
}

/** The first line of a file that a Clusterfile names. */
async function secretIn(path: string | undefined, what: string): Promise<string | undefined> {
  if (path === undefined) return undefined;
  const file = path.replace(/^~(?=\/)/, homedir());
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new SealosError('bad-secret-file', `the file of the ${what}, ${file}, cannot be read (${error.code ?? error.message})`, {
      exitCode: 2,
      cause: error,
      hint: 'it is named under ssh in the Clusterfile',
    });
  });
  return text.split(/\r?\n/)[0];
}

async function reach(spec: ClusterHost, cluster: Cluster, way: Way): Promise<ReachedHost> {
  const { signal } = way;
  const host = await open(spec, way);
  try {
    const facts = await gatherFacts(host, signal);
    const { markers } = hostLayout(cluster.name);
    const { stdout } = await host.run(script`if [ -d ${markers} ]; then echo .; ls -1 ${markers}; fi`, {
      title: 'looking for an earlier run',
      signal,
    });
    const found = stdout.split('\n').filter((line) => line !== '');
    return { spec, host, facts, fresh: found.length === 0, markers: new Set(found.slice(1)) };
  } catch (error) {
    await host[Symbol.asyncDispose]();
    throw error;
  }
}

export interface UnreachedHost {
  readonly spec: ClusterHost;
  readonly error: unknown;
}

export interface PartlyReachedHosts extends ReachedHosts {
  readonly unreached: readonly UnreachedHost[];
}

/** Connects to all hosts at once and reads what they are; a host that cannot be reached is told as such. */
export async function reachWhatAnswers(cluster: Cluster, connection: Connection, signal: AbortSignal): Promise<PartlyReachedHosts> {
  const specs = clusterHosts(cluster);
  const jumps = new JumpConnections(signal);
  const way = { connection, config: await readSshConfig(connection.sshConfig), jumps, signal };
  const results = await Promise.allSettled(specs.map((spec) => reach(spec, cluster, way)));
  const reached = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const unreached = specs.flatMap((spec, index) => {
    const result = results[index];
    return result?.status === 'rejected' ? [{ spec, error: result.reason as unknown }] : [];
  });
  const close = async () => {
    await Promise.all(reached.map(({ host }) => host[Symbol.asyncDispose]()));
    await jumps[Symbol.asyncDispose]();
  };
  if (signal.aborted) {
    await close();
    throw signal.reason;
  }
  const byIp = new Map(reached.map((entry) => [entry.spec.address.ip, entry.host]));
  return {
    reached,
    unreached,
    hostOf: (address) => {
      const host = byIp.get(address.ip);
      if (!host) throw new Error(`no connection to ${address.ip}`);
      return host;
    },
    [Symbol.asyncDispose]: close,
  };
}

/** Connects to all hosts at once and reads what they are. Every host that cannot be reached is named; then none stays connected. */
export async function reachHosts(cluster: Cluster, connection: Connection, signal: AbortSignal): Promise<ReachedHosts> {
  const hosts = await reachWhatAnswers(cluster, connection, signal);
  if (hosts.unreached.length === 0) return hosts;
  await hosts[Symbol.asyncDispose]();
  throw joinFailures(hosts.unreached.map(({ error }) => error));
}

/** One error for all hosts that could not be reached. */
export function joinFailures(failures: readonly unknown[]): unknown {
  const [first] = failures;
  if (failures.length === 1) return first;
  const lines = failures.map((failure) => `  ${failure instanceof Error ? failure.message : String(failure)}`);
  const hint = failures.flatMap((failure) => (failure instanceof SealosError && failure.hint ? [failure.hint] : []))[0];
  return new SealosError('unreachable', `${failures.length} hosts cannot be reached:\n${lines.join('\n')}`, {
    exitCode: 2,
    hint,
    cause: first,
  });
}
