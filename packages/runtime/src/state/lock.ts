import { link, mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { dirname } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { badInput } from '@sealos/image';
import * as v from 'valibot';
import { readIfThere } from './private-file.ts';
import { operatorName, ownMark, processMarkSchema, processState } from './process-mark.ts';

const ownerSchema = v.object({
  ...processMarkSchema.entries,
  user: v.optional(v.string()),
  command: v.string(),
  /** RFC 3339. */
  since: v.string(),
});

export type LockOwner = v.InferOutput<typeof ownerSchema>;

/**
 * Takes a lock file for this process until it is disposed of. One whose owner has ended (killed, or the machine restarted) is taken
 * over. Throws bad input that names the owner where that is alive, or on another machine, of which nothing can be known.
 */
export async function takeLock(path: string, command: string): Promise<AsyncDisposable> {
  const owner: LockOwner = { ...(await ownMark()), user: operatorName(), command, since: new Date().toISOString() };
  const text = `${JSON.stringify(owner)}\n`;
  const own = `${path}.${process.pid}.${crypto.randomUUID()}`;
  await writeNew(own, text);
  try {
    while (!(await linkNew(own, path))) await clearStale(path);
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

/** Whoever gives the lock back removes its directory where it is empty: it may go just before we write. */
async function writeNew(path: string, text: string): Promise<void> {
  for (let tries = 0; ; tries += 1) {
    try {
      await writeFile(path, text, { mode: 0o600, flag: 'wx' });
      return;
    } catch (error) {
      if (tries === 5 || !(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    }
  }
}

/** Who holds a lock at this moment, or undefined: nobody, or one that has ended. Nothing is changed. */
export async function lockOwner(path: string): Promise<LockOwner | undefined> {
  const text = await readIfThere(path);
  const owner = text === undefined ? undefined : parseOwner(text);
  return owner && (await processState(owner)) !== 'ended' ? owner : undefined;
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

/** Removes a lock whose owner has ended; throws where it has one. Of several that find it stale, one alone looks and removes at a time. */
async function clearStale(path: string): Promise<void> {
  refuseLiving(path, await readHeld(path));
  using _guard = await takeGuard(dirname(path));
  // It may have been taken since. Whoever holds the guard alone removes another's lock, so a stale one seen now stays until it is removed;
  // but where there is none, the next moment may bring a living one, which is not ours to remove.
  const held = await readHeld(path);
  if (held === undefined) return;
  refuseLiving(path, held);
  await rm(path, { force: true });
}

type Held = 'stale' | { readonly owner: LockOwner; readonly elsewhere: boolean };

/** What is there, looked at once; undefined: no lock. One that cannot be read as a lock has no owner. */
async function readHeld(path: string): Promise<Held | undefined> {
  const text = await readIfThere(path);
  if (text === undefined) return undefined;
  const owner = parseOwner(text);
  const state = owner ? await processState(owner) : 'ended';
  return !owner || state === 'ended' ? 'stale' : { owner, elsewhere: state === 'elsewhere' };
}

function refuseLiving(path: string, held: Held | undefined): void {
  if (held === undefined || held === 'stale') return;
  const { owner, elsewhere } = held;
  throw badInput(
    'cluster-busy',
    `'${owner.command}' (${owner.user ? `${owner.user}, ` : ''}process ${owner.pid} on ${owner.host}) has been at work on this cluster since ${owner.since}`,
    elsewhere
      ? `wait for it to end; if you are sure that it does not run on ${owner.host} any more, delete ${path}`
      : `wait for it to end, or end it: kill ${owner.pid}`,
  );
}

const GUARD_TRIES = 200;

/**
 * Stands in for a lock that the kernel gives back whatever becomes of us: a socket of a name that only one process of this machine can
 * have (unix(7): abstract sockets), the name being that of the directory itself.
 */
async function takeGuard(directory: string): Promise<Disposable> {
  const { dev, ino } = await stat(directory);
  for (let tries = 0; ; tries += 1) {
    const server = createServer((connection) => connection.destroy());
    if (await listens(server, `\0sealos-lock-${dev}-${ino}`)) return { [Symbol.dispose]: () => void server.close() };
    if (tries === GUARD_TRIES) throw badInput('cluster-busy', `others have been taking the lock in ${directory} over for 5 s`, 'try again');
    await pause(25);
  }
}

function listens(server: Server, path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => (error.code === 'EADDRINUSE' ? resolve(false) : reject(error)));
    server.listen({ path }, () => resolve(true));
  });
}

function parseOwner(text: string): LockOwner | undefined {
  try {
    return v.parse(ownerSchema, JSON.parse(text));
  } catch {
    return undefined;
  }
}
