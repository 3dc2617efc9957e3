import { networkInterfaces } from 'node:os';
import { SealosError } from '@sealos/image';
import { type Cluster, type ClusterHost, clusterHosts } from '../cluster/cluster.ts';
import { gatherFacts } from '../host/facts.ts';
import type { Address, Host } from '../host/host.ts';
import { openLocalHost } from '../host/local.ts';
import { openHost } from '../host/open.ts';
import { script } from '../host/script.ts';
import { hostLayout } from '../layout.ts';
import type { ReachedHost } from './prepare.ts';

/** How this call reaches hosts, besides what the cluster's own settings say. */
export interface Connection {
  readonly password: string | undefined;
  readonly passphrase: string | undefined;
  readonly knownHosts: string | undefined;
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

function isOwnAddress(ip: string): boolean {
  return Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === ip));
}

function open(spec: ClusterHost, connection: Connection, signal: AbortSignal): Promise<Host> {
  const { ssh } = spec;
  const password = connection.password ?? ssh.passwd;
  if (isOwnAddress(spec.address.ip)) return openLocalHost({ address: spec.address, password, signal });
  return openHost({
    address: spec.address,
    user: ssh.user ?? 'root',
    credentials: { password, keyFile: ssh.pk, keyData: ssh.pkData, passphrase: connection.passphrase ?? ssh.pkPasswd },
    knownHosts: connection.knownHosts,
    signal,
  });
}

async function reach(spec: ClusterHost, cluster: Cluster, connection: Connection, signal: AbortSignal): Promise<ReachedHost> {
  const host = await open(spec, connection, signal);
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
  const results = await Promise.allSettled(specs.map((spec) => reach(spec, cluster, connection, signal)));
  const reached = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const unreached = specs.flatMap((spec, index) => {
    const result = results[index];
    return result?.status === 'rejected' ? [{ spec, error: result.reason as unknown }] : [];
  });
  const close = async () => {
    await Promise.all(reached.map(({ host }) => host[Symbol.asyncDispose]()));
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
