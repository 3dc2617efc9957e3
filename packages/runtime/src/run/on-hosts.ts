import { lstat } from 'node:fs/promises';
import { basename, posix } from 'node:path';
import { Readable } from 'node:stream';
import { badInput, entriesIn, entryOf, SealosError, writeTar } from '@sealos/image';
import { canonicalIp } from '../address-list.ts';
import { type ClusterHost, clusterHosts, type Ssh } from '../cluster/cluster.ts';
import type { Host } from '../host/host.ts';
import { hostName } from '../host/host-name.ts';
import { raw, script } from '../host/script.ts';
import { type Connection, reachWhatAnswers } from './reach-hosts.ts';
import { storedCluster } from './stored-cluster.ts';

export interface OnHostsOptions {
  readonly cluster: string;
  /** Only hosts with one of these roles (`master`, `node`, `registry` or any other of the Clusterfile); empty: of all. */
  readonly roles: readonly string[];
  /** Only these hosts, with or without their port; empty: all. */
  readonly ips: readonly string[];
  readonly ssh: Ssh;
  readonly connection: Connection;
  readonly timeout: number | undefined;
  readonly signal: AbortSignal;
}

export interface HostOutcome {
  readonly host: string;
  /** Exit status of the command that ended the work on this host; 0: all went well; undefined: `failure` says what went wrong. */
  readonly exitCode: number | undefined;
  /** Why nothing, or not all, could be done there: it cannot be reached, the connection was lost, the time was over. */
  readonly failure?: string;
}

function targets(hosts: readonly ClusterHost[], { roles, ips, cluster }: OnHostsOptions): readonly ClusterHost[] {
  const wanted = ips.map((ip) => canonicalIp(ip.replace(/^\[(.*)\](:\d+)?$/, '$1').replace(/^(\d+\.\d+\.\d+\.\d+):\d+$/, '$1'), ip));
  const stranger = wanted.find((ip) => !hosts.some(({ address }) => address.ip === ip));
  if (stranger)
    throw badInput(
      'no-such-host',
      `${stranger} is no host of cluster '${cluster}'`,
      `its hosts are ${hosts.map(({ address }) => address.ip).join(', ')}`,
    );
  const chosen = hosts.filter(
    (host) =>
      (wanted.length === 0 || wanted.includes(host.address.ip)) && (roles.length === 0 || host.roles.some((role) => roles.includes(role))),
  );
  if (chosen.length > 0) return chosen;
  const there = [...new Set(hosts.flatMap((host) => host.roles))].join(', ');
  throw badInput(
    'no-such-host',
    `no ${ips.length > 0 ? 'such ' : ''}host of cluster '${cluster}' has the role ${roles.join(' or ')}`,
    `the roles there are ${there}`,
  );
}

const failureOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/**
 * Reaches the chosen hosts of a cluster that exists and works on all of them at once. One that cannot be reached or fails does not stop
 * the others; the outcomes come in the hosts' order.
 */
async function onHosts(
  options: OnHostsOptions,
  work: (host: Host, signal: AbortSignal) => Promise<number>,
): Promise<readonly HostOutcome[]> {
  const { cluster } = (await storedCluster(options.cluster, options.ssh)).stored;
  const chosen = targets(clusterHosts(cluster), options);
  const groups = chosen.map((host) => ({ ips: [host.address], roles: host.roles, env: host.env, ssh: host.ssh }));
  await using hosts = await reachWhatAnswers({ ...cluster, hosts: groups }, options.connection, options.signal);
  const outcomes = await Promise.all(
    hosts.reached.map(async ({ host }): Promise<HostOutcome> => {
      try {
        return { host: host.name, exitCode: await work(host, options.signal) };
      } catch (error) {
        options.signal.throwIfAborted();
        // What is none of our errors is a fault of ours: it is reported as one.
        if (!(error instanceof SealosError)) throw error;
        return { host: host.name, exitCode: undefined, failure: failureOf(error) };
      }
    }),
  );
  const unreached = hosts.unreached.map(({ spec, error }) => ({
    host: hostName(spec.address),
    exitCode: undefined,
    failure: failureOf(error),
  }));
  const order = chosen.map(({ address }) => hostName(address));
  return [...outcomes, ...unreached].sort((one, other) => order.indexOf(one.host) - order.indexOf(other.host));
}

/**
 * Runs command lines on hosts of a cluster, one after the other on each, the hosts in parallel. The first that fails ends the work on its
 * host. `onLine` gets every line of output with its host.
 */
export function execOnHosts(
  options: OnHostsOptions,
  commands: readonly string[],
  onLine: (host: string, line: string) => void,
): Promise<readonly HostOutcome[]> {
  return onHosts(options, async (host, signal) => {
    for (const command of commands) {
      const { exitCode } = await host.run(script`${raw(command)}`, {
        title: command,
        allowFailure: true,
        timeout: options.timeout,
        signal,
        onLine: (line) => onLine(host.name, line),
      });
      if (exitCode !== 0) return exitCode;
    }
    return 0;
  });
}

/** Copies a file, or what is in a directory, to the same place on hosts of a cluster. A file appears there whole or not at all. */
export async function copyToHosts(options: OnHostsOptions, source: string, destination: string): Promise<readonly HostOutcome[]> {
  const stat = await lstat(source).catch(() => undefined);
  if (!stat) throw badInput('no-such-file', `there is no file ${source}`);
  if (!destination.startsWith('/')) throw badInput('bad-path', `'${destination}' is not an absolute path on the hosts`);
  return onHosts(options, async (host, signal) => {
    const title = `copying ${source}`;
    if (stat.isDirectory()) {
      await host.unpack(Readable.from(writeTar(entriesIn(source)), { objectMode: false }), destination, {
        title,
        compression: 'none',
        signal,
      });
      return 0;
    }
    const { stdout } = await host.run(script`if [ -d ${destination} ]; then echo directory; fi`, { title, signal });
    const target = stdout.trim() === 'directory' || destination.endsWith('/') ? posix.join(destination, basename(source)) : destination;
    const temporary = `.${posix.basename(target)}.sealos-new`;
    const entry = await entryOf(source, temporary, { uid: 0, gid: 0 });
    if (!entry) throw new SealosError('bad-file', `${source} is neither a file nor a directory`, { exitCode: 2 });
    const directory = posix.dirname(target);
    await host.unpack(Readable.from(writeTar([entry]), { objectMode: false }), directory, { title, compression: 'none', signal });
    await host.run(script`mv -fT ${posix.join(directory, temporary)} ${target}`, { title, signal });
    return 0;
  });
}
