import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';

/** A process as it is found again: the start time (clock ticks since boot, proc(5) stat field 22) tells it from a later one of the same pid. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly started: string;
}

/** The fields of /proc/PID/stat after the command's name, which may itself hold blanks and parentheses. */
function statFields(pid: number): readonly string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}

/** The identity of a running process; undefined when there is none, or when it has ended and only waits to be reaped. */
export function identify(pid: number): ProcessIdentity | undefined {
  const fields = statFields(pid);
  const started = fields?.[19];
  return started === undefined || fields?.[0] === 'Z' || fields?.[0] === 'X' ? undefined : { pid, started };
}

/** Whether that very process still runs. */
export function isAlive(identity: ProcessIdentity): boolean {
  return identify(identity.pid)?.started === identity.started;
}

/**
 * The pid of a container's init: the child of systemd-nspawn that is process 1 of its own pid namespace, one level below ours.
 * undefined while it has not started yet or is gone.
 */
export async function findInit(nspawn: number, candidates: readonly number[]): Promise<number | undefined> {
  for (const pid of candidates) {
    const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
    if (isInitOf(nspawn, status)) return pid;
  }
  return undefined;
}

/** Whether /proc/PID/status describes process 1 of a pid namespace whose parent is that process. */
export function isInitOf(parent: number, status: string): boolean {
  const field = (name: string) => new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1] ?? '';
  const namespaced = field('NSpid').trim().split(/\s+/);
  return Number(field('PPid')) === parent && namespaced.length === 2 && namespaced[1] === '1';
}

/** Sends a signal; a process that is gone already is no error. */
export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

/** Polls a condition every 20 ms; false when it did not come true within the time (milliseconds). */
export async function until(condition: () => boolean | Promise<boolean>, time: number, signal?: AbortSignal): Promise<boolean> {
  const deadline = Date.now() + time;
  for (;;) {
    if (await condition()) return true;
    if (Date.now() > deadline) return false;
    await wait(20, undefined, { signal });
  }
}
