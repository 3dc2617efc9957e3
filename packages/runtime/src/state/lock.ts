import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { badInput } from '@sealos/image';
import * as v from 'valibot';
import { readIfThere } from './private-file.ts';

const ownerSchema = v.object({
  pid: v.number(),
  /** Clock ticks from the boot to the process's start: a pid that is used again has another. */
  started: v.string(),
  /** Names one boot of one machine. */
  boot: v.string(),
  host: v.string(),
  command: v.string(),
  since: v.string(),
});

type Owner = v.InferOutput<typeof ownerSchema>;

/**
 * Takes a lock file for this process until it is disposed of. One whose owner has ended (killed, or the machine restarted) is taken
 * over. Throws bad input that names the owner where that is alive, or on another machine, of which nothing can be known.
 */
export async function takeLock(path: string, command: string): Promise<AsyncDisposable> {
  const owner: Owner = {
    pid: process.pid,
    started: (await startOf(process.pid)) ?? '',
    boot: await bootId(),
    host: hostname(),
    command,
    since: new Date().toISOString(),
  };
  const text = `${JSON.stringify(owner)}\n`;
  const own = `${path}.${process.pid}.${crypto.randomUUID()}`;
  await writeFile(own, text, { mode: 0o600, flag: 'wx' });
  try {
    while (!(await linkNew(own, path))) await clearStale(path, own);
  } finally {
    await rm(own, { force: true });
  }
  return {
    // Only our own: whoever took the lock over, wrongly or not, keeps it.
    [Symbol.asyncDispose]: async () => {
      if ((await readIfThere(path)) === text) await rm(path, { force: true });
    },
  };
}

/** A hard link appears whole or not at all, and for one process only. */
async function linkNew(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

async function clearStale(path: string, own: string): Promise<void> {
  const text = await readIfThere(path);
  if (text === undefined) return;
  const owner = parseOwner(text);
  if (owner !== undefined && (await isAlive(owner))) {
    throw badInput(
      'cluster-busy',
      `'${owner.command}' (process ${owner.pid} on ${owner.host}) has been at work on this cluster since ${owner.since}`,
      owner.host === hostname() ? 'wait for it to end' : `wait for it to end; if ${owner.host} is no more, delete ${path}`,
    );
  }
  // By renaming it away first, of several that find it stale one alone clears it; what it took is looked at again.
  const away = `${own}.stale`;
  try {
    await rename(path, away);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return;
    throw error;
  }
  if ((await readIfThere(away)) !== text) await linkNew(away, path);
  await rm(away, { force: true });
}

function parseOwner(text: string): Owner | undefined {
  try {
    return v.parse(ownerSchema, JSON.parse(text));
  } catch {
    return undefined;
  }
}

async function isAlive(owner: Owner): Promise<boolean> {
  if (owner.host !== hostname()) return true;
  if (owner.boot !== (await bootId())) return false;
  return (await startOf(owner.pid)) === owner.started;
}

/** proc(5): the 22nd field of `stat`, counted after the command's name, which may hold spaces and parentheses. Undefined: no such process. */
async function startOf(pid: number): Promise<string | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

async function bootId(): Promise<string> {
  return ((await readIfThere('/proc/sys/kernel/random/boot_id')) ?? '').trim();
}
