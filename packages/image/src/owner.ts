import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';

/** A process as written into locks and leases. The start time tells it from a later process of the same number. */
export interface Owner {
  readonly pid: number;
  readonly host: string;
  /** Clock ticks since boot when it started (proc(5), stat field 22); empty where there is no /proc. */
  readonly started: string;
}

let self: Owner | undefined;

/** This process. */
export function thisProcess(): Owner {
  self ??= { pid: process.pid, host: hostname(), started: startOf(process.pid) ?? '' };
  return self;
}

/** Whether the process still runs. Those of other machines (a store on a shared disk) count as running: nobody here can know better. */
export function isAlive(owner: Owner): boolean {
  if (owner.host !== hostname()) return true;
  const started = startOf(owner.pid);
  if (started !== undefined) return owner.started === '' || started === owner.started;
  if (process.platform === 'linux') return false;
  try {
    process.kill(owner.pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/** The owner a lock or lease file names; undefined when the file is gone or names none. */
export async function readOwner(path: string): Promise<Owner | undefined> {
  const text = await readFile(path, 'utf8').catch(() => '');
  try {
    const value: unknown = JSON.parse(text);
    if (value === null || typeof value !== 'object') return undefined;
    if (!('pid' in value) || typeof value.pid !== 'number' || !('host' in value) || typeof value.host !== 'string') return undefined;
    return { pid: value.pid, host: value.host, started: 'started' in value && typeof value.started === 'string' ? value.started : '' };
  } catch {
    return undefined;
  }
}

function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command's name may hold spaces and parentheses: fields are counted from the last one.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // A killed process stays as a zombie until its parent looks; it works no more.
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}
