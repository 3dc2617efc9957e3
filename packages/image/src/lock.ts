import { randomBytes } from 'node:crypto';
import { link, rm, writeFile } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { SealosError } from './error.ts';
import { isAlive, readOwner, thisProcess } from './owner.ts';
import { temporary } from './temporary.ts';

export interface LockOptions {
  readonly signal?: AbortSignal | undefined;
  /** How long to wait for the present owner, in milliseconds. */
  readonly patience?: number | undefined;
}

const PATIENCE = 30_000;
const RETRY = 25;

/**
 * Runs `work` while this process owns the lock file, which names its owner. A dead owner's lock is taken over. Throws
 * `store-locked`, naming the owner, when it is not free within the patience (30 s).
 */
export async function withLock<T>(path: string, work: () => Promise<T>, options: LockOptions = {}): Promise<T> {
  const deadline = Date.now() + (options.patience ?? PATIENCE);
  while (!(await tryLock(path))) {
    options.signal?.throwIfAborted();
    const owner = await readOwner(path);
    if (owner !== undefined && !isAlive(owner)) {
      await takeOver(path);
      continue;
    }
    if (Date.now() > deadline) {
      const who = owner === undefined ? 'a process that left no name' : `process ${owner.pid} on ${owner.host}`;
      throw new SealosError('store-locked', `${path} is held by ${who}`, {
        hint: 'wait until it has finished; if it runs on another machine and is gone for good, remove the file',
      });
    }
    await wait(RETRY, undefined, { signal: options.signal });
  }
  const held = temporary(path);
  try {
    return await work();
  } finally {
    await rm(path, { force: true });
    held.keep();
  }
}

// The file appears with its content in it (link(2) of a finished file), so that no reader ever finds it empty.
async function tryLock(path: string): Promise<boolean> {
  const draft = `${path}.${process.pid}-${randomBytes(4).toString('hex')}`;
  const held = temporary(draft);
  try {
    await writeFile(draft, JSON.stringify(thisProcess()), { mode: 0o644 });
    await link(draft, path);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
    held.keep();
  }
}

// Two that find the same dead owner must not remove one after the other, the second time a live lock: only who holds the
// second lock may remove, and looks again before.
async function takeOver(path: string): Promise<void> {
  const second = `${path}.takeover`;
  if (!(await tryLock(second))) {
    const owner = await readOwner(second);
    if (owner !== undefined && !isAlive(owner)) await rm(second, { force: true });
    await wait(RETRY);
    return;
  }
  try {
    const owner = await readOwner(path);
    if (owner !== undefined && !isAlive(owner)) await rm(path, { force: true });
  } finally {
    await rm(second, { force: true });
  }
}
