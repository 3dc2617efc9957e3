import { readFile, readlink } from 'node:fs/promises';
import { hostname, userInfo } from 'node:os';
import * as v from 'valibot';
import { readIfThere } from './private-file.ts';

/** Which process, of which machine: enough to tell later whether it still runs, also when its number was given to another. */
export const processMarkSchema = v.object({
  pid: v.number(),
  /** Clock ticks from the boot to the process's start: a pid that is used again has another. */
  started: v.string(),
  /** Names one boot of one machine. */
  boot: v.string(),
  host: v.string(),
  /** `/etc/machine-id`: two machines may have one name. Absent: unknown. */
  machine: v.optional(v.string()),
  /** The process's world of numbers: the same pid in another container is another process. */
  namespace: v.optional(v.string()),
});

export type ProcessMark = v.InferOutput<typeof processMarkSchema>;

/** This very process. */
export async function ownMark(): Promise<ProcessMark> {
  const machine = (await readIfThere('/etc/machine-id').catch(() => undefined))?.trim();
  const namespace = await pidNamespace();
  return {
    pid: process.pid,
    started: (await startOf(process.pid)) ?? '',
    boot: await bootId(),
    host: hostname(),
    ...(machine ? { machine } : {}),
    ...(namespace ? { namespace } : {}),
  };
}

/** `elsewhere`: it is another machine's, or another container's, of which nothing can be known here. */
export async function processState(mark: ProcessMark): Promise<'runs' | 'ended' | 'elsewhere'> {
  const own = await ownMark();
  if (mark.host !== own.host) return 'elsewhere';
  if (mark.machine !== undefined && own.machine !== undefined && mark.machine !== own.machine) return 'elsewhere';
  if (mark.boot !== own.boot) return 'ended';
  if (mark.namespace !== undefined && own.namespace !== undefined && mark.namespace !== own.namespace) return 'elsewhere';
  return (await startOf(mark.pid)) === mark.started ? 'runs' : 'ended';
}

/** proc(5): the 22nd field of `stat`, counted after the command's name, which may hold spaces and parentheses. Undefined: no such process. */
async function startOf(pid: number): Promise<string | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // A process that has ended and whose parent has not looked yet works no more.
    return fields[0] === 'Z' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

async function bootId(): Promise<string> {
  return ((await readIfThere('/proc/sys/kernel/random/boot_id')) ?? '').trim();
}

async function pidNamespace(): Promise<string | undefined> {
  try {
    return await readlink('/proc/self/ns/pid');
  } catch {
    return undefined;
  }
}

/** Who runs this process; a user without an entry in the list of users has a number only. */
export function operatorName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? '');
  }
}
