import { runCommand, tryCommand } from './command.ts';
import { LabError } from './error.ts';
import { acquireLock } from './lock.ts';
import { type Cidr, chooseSubnet, isFree, subnetOf } from './subnet.ts';

/** The lab's bridge. Names of links end at 15 bytes. */
export function bridgeName(labId: string): string {
  return `slb-${labId}`;
}

/** The machine's end of a host's cable; systemd-nspawn calls it `vb-` and the machine's name. */
export function linkName(labId: string, host: string): string {
  return `vb-${machineName(labId, host)}`;
}

/** A host's name among the machine's containers, unique over all labs. */
export function machineName(labId: string, host: string): string {
  return `${labId}${host}`;
}

/** The lab's bridge has its address: the subnet is known (`wanted`, from an earlier `up`) or chosen now; `remember` is called before it is made. */
export async function ensureBridge(
  labId: string,
  wanted: number | undefined,
  remember: (subnet: number) => Promise<void>,
  signal: AbortSignal,
): Promise<number> {
  // One at a time over the whole machine: two labs must not choose the same subnet.
  await using _ = await acquireLock('network', signal);
  const bridge = bridgeName(labId);
  const inUse = await networksInUse(bridge, signal);
  const subnet = wanted ?? chooseSubnet(inUse);
  if (subnet === undefined) throw new LabError('no-subnet', 'every subnet of 10.77.0.0/16 is in use on this machine');
  await remember(subnet);
  const { gateway, length } = subnetOf(subnet);
  if (!isFree(subnet, inUse)) {
    throw new LabError('subnet-taken', `the lab's network ${gateway}/${length} is used by something else on this machine now`, {
      hint: 'take the lab down and up again: it then gets another one',
    });
  }
  if (!(await linkExists(bridge))) await runCommand(['ip', 'link', 'add', bridge, 'type', 'bridge'], { signal });
  await runCommand(['ip', 'address', 'replace', `${gateway}/${length}`, 'dev', bridge], { signal });
  await runCommand(['ip', 'link', 'set', bridge, 'up'], { signal });
  await allowForwarding(bridge, signal);
  return subnet;
}

/** Takes the lab's bridge away, with the links that a crash left. None of it being there is no error. */
export async function removeNetwork(labId: string): Promise<void> {
  for (const name of await linkNames()) if (name.startsWith(`vb-${labId}h`)) await tryCommand(['ip', 'link', 'delete', name]);
  const bridge = bridgeName(labId);
  await forbidForwarding(bridge);
  if (await linkExists(bridge)) await runCommand(['ip', 'link', 'delete', bridge]);
}

/** Pulls a host's cable, or plugs it in again. */
export async function setConnected(labId: string, host: string, connected: boolean, signal?: AbortSignal): Promise<void> {
  await runCommand(['ip', 'link', 'set', linkName(labId, host), connected ? 'up' : 'down'], { signal });
}

/** Whether a host's cable is plugged in. */
export async function isConnected(labId: string, host: string): Promise<boolean> {
  const { status, stdout } = await tryCommand(['ip', '-json', 'link', 'show', 'dev', linkName(labId, host)]);
  if (status !== 0) return false;
  return records(stdout).some(({ flags }) => Array.isArray(flags) && flags.includes('UP'));
}

export async function linkExists(name: string): Promise<boolean> {
  return (await tryCommand(['ip', 'link', 'show', 'dev', name])).status === 0;
}

async function linkNames(): Promise<readonly string[]> {
  return records(await runCommand(['ip', '-json', 'link', 'show'])).flatMap(({ ifname }) => (typeof ifname === 'string' ? [ifname] : []));
}

/** The networks of this machine's addresses and routes, without those of the lab's own bridge. */
async function networksInUse(bridge: string, signal: AbortSignal): Promise<readonly Cidr[]> {
  const routes = records(await runCommand(['ip', '-json', '-4', 'route', 'show', 'table', 'all'], { signal }));
  return routes.flatMap(({ dst, dev }) => (typeof dst === 'string' && dst !== 'default' && dev !== bridge ? [dst] : []));
}

function records(json: string): readonly Record<string, unknown>[] {
  const value: unknown = JSON.parse(json || '[]');
  return Array.isArray(value) ? value.filter((item) => item !== null && typeof item === 'object') : [];
}

const RULE = (bridge: string) => ['FORWARD', '-i', bridge, '-o', bridge, '-j', 'ACCEPT'];

/**
 * Where the kernel sends bridged packets through iptables (br_netfilter) and something restricts forwarding (Docker drops by default), hosts
 * could not reach each other: a rule lets their bridge through. A machine that forwards freely is left alone.
 */
async function allowForwarding(bridge: string, signal: AbortSignal): Promise<void> {
  const { status, stdout } = await tryCommand(['iptables', '-w', '-S', 'FORWARD'], { signal });
  if (status !== 0 || stdout.trim() === '-P FORWARD ACCEPT') return;
  if ((await tryCommand(['iptables', '-w', '-C', ...RULE(bridge)], { signal })).status === 0) return;
  await runCommand(['iptables', '-w', '-I', ...RULE(bridge)], { signal });
}

async function forbidForwarding(bridge: string): Promise<void> {
  const { status, stdout } = await tryCommand(['iptables', '-w', '-S', 'FORWARD']);
  if (status === 0 && stdout.includes(`-i ${bridge} `)) await tryCommand(['iptables', '-w', '-D', ...RULE(bridge)]);
}
