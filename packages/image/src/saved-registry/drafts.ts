import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { writeSynced } from '../atomic.ts';
import { temporary } from '../temporary.ts';

/** Files on their way into a registry's directory, in a directory of this process beside its content. Dispose of it when writing is over. */
export interface Drafts extends AsyncDisposable {
  /** A name for a file that is renamed to its place when it is complete. */
  next(): Promise<string>;
  /** Gives a file its content at once. */
  write(target: string, content: string | Uint8Array): Promise<void>;
  remove(draft: string): Promise<void>;
}

/** Nothing is made before the first name is asked for. */
export function openDrafts(directory: string): Drafts {
  const drafts = join(directory, `.unfinished-${process.pid}-${randomBytes(4).toString('hex')}`);
  let count = 0;
  let held: { readonly keep: () => void } | undefined;
  const next = async (): Promise<string> => {
    if (held === undefined) {
      await mkdir(drafts, { recursive: true });
      held = temporary(drafts);
    }
    count += 1;
    return join(drafts, String(count));
  };
  return {
    next,
    async write(target, content) {
      const draft = await next();
      await writeSynced(draft, content);
      await putInPlace(draft, target);
    },
    remove: (draft) => rm(draft, { recursive: true, force: true }),
    async [Symbol.asyncDispose]() {
      await rm(drafts, { recursive: true, force: true });
      held?.keep();
      held = undefined;
    },
  };
}

/** Renames a complete file to its place, whose directories are made. */
export async function putInPlace(draft: string, target: string): Promise<void> {
  await mkdir(dirname(target), { recursive: true });
  await rename(draft, target);
}

/** Removes what earlier runs that were killed left in a registry's directory; a process that lives keeps its own. */
export async function removeUnfinished(directory: string): Promise<void> {
  for (const entry of await readdir(directory).catch(() => [])) {
    const pid = /^\.unfinished-(\d+)(?:-|$)/.exec(entry)?.[1];
    if (pid === undefined) continue;
    try {
      process.kill(Number(pid), 0);
    } catch {
      await rm(join(directory, entry), { recursive: true, force: true });
    }
  }
}
