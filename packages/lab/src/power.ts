import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { groupProcesses, isFrozen, makeGroups, removeGroups, setFrozen } from './cgroup.ts';
import { hostGroups } from './cgroup-layout.ts';
import type { HostState, LabContext } from './context.ts';
import { LabError } from './error.ts';
import { hostPaths } from './layout.ts';
import { removeLeftovers, removeTreeLock } from './leftovers.ts';
import { bridgeName, isConnected, linkExists, linkName, machineName } from './network.ts';
import { answersSsh, nspawnArguments, startNspawn } from './nspawn.ts';
import { findInit, isAlive, type ProcessIdentity, signalProcess, until } from './process.ts';
import { removeTree } from './remove-tree.ts';
import type { HostRecord } from './state.ts';

/** How long a host may take from power-on until ssh answers, in milliseconds; 2 to 4 s on an idle machine. */
const BOOT_TIME = 120_000;
/** How long systemd-nspawn may take to notice that its init is gone, in milliseconds. */
const END_TIME = 10_000;

/** The host's systemd-nspawn, when it runs. */
export function livingProcess(record: HostRecord): ProcessIdentity | undefined {
  return record.process && isAlive(record.process) ? record.process : undefined;
}

export async function stateOf(context: LabContext, record: HostRecord): Promise<HostState> {
  if (!livingProcess(record)) return 'stopped';
  if (await isFrozen(context.cgroups, context.id, record.name)) return 'frozen';
  return (await linkIsDown(context, record.name)) ? 'cut' : 'running';
}

/** A host that is just starting has no link yet, which is not a cut one. */
async function linkIsDown(context: LabContext, host: string): Promise<boolean> {
  return (await linkExists(linkName(context.id, host))) && !(await isConnected(context.id, host));
}

/** Starts a host; `remember` is called with its process before anything is waited for. Its power is off, its tree whole. */
export async function powerOn(
  context: LabContext,
  record: HostRecord,
  remember: (process: ProcessIdentity) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const { id, paths, cgroups } = context;
  const { name } = record;
  const place = hostPaths(paths, name);
  // What a crash left of an earlier start would keep the link's name and the tree.
  await removeGroups(cgroups, id, name);
  await until(async () => !(await linkExists(linkName(id, name))), END_TIME, signal);
  const groups = await makeGroups(cgroups, id, name, record.memory);
  signal.throwIfAborted();
  const argv = nspawnArguments({
    root: place.root,
    machine: machineName(id, name),
    hostname: name,
    bridge: bridgeName(id),
    modules: existsSync('/lib/modules') ? '/lib/modules' : undefined,
  });
  await remember(await startNspawn(argv, groups, place.console));
}

/** Waits until ssh answers on a host. Throws `host-not-ready` with the last lines of its console when it ends or takes too long. */
export async function untilReady(
  context: LabContext,
  process: ProcessIdentity,
  name: string,
  ip: string,
  signal: AbortSignal,
): Promise<void> {
  const deadline = Date.now() + BOOT_TIME;
  while (!(await answersSsh(ip, 22, signal))) {
    signal.throwIfAborted();
    const died = !isAlive(process);
    if (died || Date.now() > deadline) {
      const consoleLog = hostPaths(context.paths, name).console;
      const tail = (await readFile(consoleLog, 'utf8').catch(() => '')).trim().split('\n').slice(-8).join('\n');
      const what = died ? 'ended while it started' : `did not answer ssh within ${BOOT_TIME / 1000} s`;
      throw new LabError('host-not-ready', `${name} (${ip}) ${what}: ${tail || 'its console printed nothing'}`, {
        hint: `its console: ${consoleLog}`,
      });
    }
    await wait(30, undefined, { signal });
  }
}

/**
 * Pulls a host's plug: its init is killed, and with it every process inside, none of which gets to say goodbye. (systemd-nspawn itself
 * would answer a SIGTERM with a slow, clean shutdown.) A host without power is no error.
 */
export async function powerOff(context: LabContext, record: HostRecord): Promise<void> {
  const { id, cgroups } = context;
  const process = livingProcess(record);
  if (process) {
    const init = await findInit(process.pid, await groupProcesses(hostGroups(cgroups, id, record.name)));
    if (init !== undefined) {
      signalProcess(init, 'SIGKILL');
      if (await isFrozen(cgroups, id, record.name)) await setFrozen(cgroups, id, record.name, false);
      await until(() => !isAlive(process), END_TIME);
    }
    // Not yet that far, or stuck: its init has the order to die with it (PDEATHSIG), and the cgroup holds the rest.
    if (isAlive(process)) signalProcess(process.pid, 'SIGKILL');
  }
  await removeGroups(cgroups, id, record.name);
  await until(async () => !(await linkExists(linkName(id, record.name))), END_TIME);
  await removeLeftovers((machine) => machine === machineName(id, record.name));
  await removeTreeLock(hostPaths(context.paths, record.name).root);
}

/** Removes a host that has no power: its directory, also a half-made one. */
export async function discard(context: LabContext, name: string): Promise<void> {
  const place = hostPaths(context.paths, name);
  await removeTree(place.draft);
  await removeTree(place.directory);
}
