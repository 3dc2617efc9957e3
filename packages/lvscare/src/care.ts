import { lookup } from 'node:dns/promises';
import { readFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import type { Balancer } from './balancer.ts';
import { type Endpoint, formatEndpoint } from './endpoint.ts';
import { CareError } from './error.ts';
import { allMembers, chooseMembers, type Members } from './members.ts';
import type { CareOptions } from './options.ts';
import { type Finding, makeProbe, type Probe } from './probe.ts';
import { callProgram, runProgram } from './program.ts';
import { addRoute, askRoute, isRouted, removeRoute } from './route.ts';

/** A line of the guard's log. */
export type Log = (level: 'info' | 'debug', line: string) => void;

/** The name under which a worker's `/etc/hosts` has its own address. */
const NODE_NAME = 'lvscare.node.ip';

const isOurAddress = (ip: string) => Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === ip));

/**
 * This node's address: as given, else what `lvscare.node.ip` means here. Where it is none of this node's interfaces (a host reached at an
 * address that is translated on the way), the one from which this node reaches a server. Throws when there is none of these.
 */
async function nodeAddress({ nodeIp, rs }: CareOptions, log: Log, signal: AbortSignal): Promise<string> {
  const named = nodeIp ?? (await lookup(NODE_NAME).catch(() => undefined))?.address;
  if (named !== undefined && isOurAddress(named)) return named;
  for (const { ip } of rs) {
    const [, source] = /\bsrc (\S+)/.exec((await callProgram('ip', askRoute(ip), signal)).stdout) ?? [];
    if (source === undefined) continue;
    log(
      'info',
      `${named === undefined ? `no --ip, and ${NODE_NAME} is not known` : `${named} is no address of this node`}: calling from ${source}`,
    );
    return source;
  }
  throw new CareError(`this node's address is not known: give --ip or LVSCARE_NODE_IP, or name ${NODE_NAME} in /etc/hosts`);
}

async function keepRoute(vip: string, nodeIp: string, signal: AbortSignal): Promise<void> {
  const { stdout } = await callProgram('ip', askRoute(vip), signal);
  if (!isRouted(stdout, nodeIp)) await runProgram('ip', addRoute(vip, nodeIp), signal);
}

/**
 * Checks a server, and once more where it did not do well: only two failures in a row count. Both fit into one interval, so that a server
 * that dies just after a check is found out before two intervals are over.
 */
async function checkTwice(probe: Probe, { interval, health }: CareOptions, signal: AbortSignal): Promise<Finding> {
  const timeout = Math.min(health.timeout, interval * 0.4);
  const first = await probe(timeout, signal);
  if (first.condition === 'well') return first;
  await pause(interval * 0.1, undefined, { signal });
  return probe(timeout, signal);
}

interface Guarded {
  readonly server: Endpoint;
  readonly probe: Probe;
  last: string;
}

/** One round: every server checked at once, then the rules brought to what was found, and the route put back if it went. */
async function careOnce(
  options: CareOptions,
  balancer: Balancer,
  servers: readonly Guarded[],
  last: Members,
  log: Log,
  signal: AbortSignal,
) {
  const found = await Promise.all(servers.map(async (guarded) => ({ guarded, finding: await checkTwice(guarded.probe, options, signal) })));
  for (const { guarded, finding } of found) {
    const now = `${finding.condition}${finding.why && ` (${finding.why})`}`;
    log(now === guarded.last ? 'debug' : 'info', `${formatEndpoint(guarded.server)} is ${now}`);
    guarded.last = now;
  }
  const members = chooseMembers(found.map(({ guarded, finding }) => ({ server: guarded.server, condition: finding.condition })));
  const list = (endpoints: readonly Endpoint[]) => endpoints.map(formatEndpoint).join(' ');
  if (members !== undefined) {
    if (await balancer.put(members, signal)) log('info', `${formatEndpoint(options.vs)} goes to ${list(members.targets)}`);
  } else if (!(await balancer.exists(signal))) {
    await balancer.put(last, signal);
    log('info', `nothing answers: ${formatEndpoint(options.vs)} goes to ${list(last.targets)}, as before`);
  }
  return members ?? last;
}

/**
 * Takes care of a virtual server until the signal aborts, or once (`runOnce`). Rules that are there are adopted: until the first checks are
 * over nothing of them is touched. What fails later is logged and tried again at the next interval; the rules stay when it ends.
 */
export async function care(options: CareOptions, balancer: Balancer, log: Log, signal: AbortSignal): Promise<void> {
  const { vs, health, interval } = options;
  const nodeIp = options.route ? await nodeAddress(options, log, signal) : '';
  const authorities = health.caFile === undefined ? undefined : await readFile(health.caFile, 'utf8');
  const servers: readonly Guarded[] = options.rs.map((server) => ({ server, probe: makeProbe(server, health, authorities), last: '' }));
  let members = allMembers(options.rs);
  if (!(await balancer.exists(signal))) await balancer.put(members, signal);
  else log('info', `adopting the rules of ${formatEndpoint(vs)} (${balancer.name})`);

  for (;;) {
    const began = performance.now();
    try {
      if (options.route) await keepRoute(vs.ip, nodeIp, signal);
      members = await careOnce(options, balancer, servers, members, log, signal);
    } catch (error) {
      if (signal.aborted) return;
      if (options.runOnce) throw error;
      log('info', error instanceof Error ? error.message : String(error));
    }
    if (options.runOnce) return;
    await pause(Math.max(0, interval - (performance.now() - began)), undefined, { signal }).catch(() => {});
    if (signal.aborted) return;
  }
}

/** Removes what `care` puts into the kernel for this virtual server, and nothing else. */
export async function clean({ vs, route }: CareOptions, balancers: readonly Balancer[], signal: AbortSignal): Promise<void> {
  for (const balancer of balancers) await balancer.clear(signal);
  if (!route) return;
  const { stdout } = await callProgram('ip', askRoute(vs.ip), signal);
  if (/^local /.test(stdout)) await runProgram('ip', removeRoute(vs.ip), signal);
}
