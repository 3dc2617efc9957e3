import { mkdir, open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { OnRunEvent } from './event.ts';
import { operatorName, ownMark, type ProcessMark } from './state/process-mark.ts';

export interface Journal extends AsyncDisposable {
  readonly path: string;
  readonly onEvent: OnRunEvent;
}

/** How a run came to its end, as far as its events tell: all done; a step failed; it left in order before its end (Ctrl-C, or another error). */
export type RunOutcome = 'done' | 'failed' | 'stopped';

/** The first line of a journal and the last, around the run's events. Without the last, the process was killed or still works. */
export type JournalFrame =
  | { readonly at: string; readonly kind: 'begun'; readonly command: string; readonly user: string; readonly process: ProcessMark }
  | { readonly at: string; readonly kind: 'ended'; readonly outcome: RunOutcome };

/** Journals that are kept of one cluster. */
export const KEPT_JOURNALS = 50;

/**
 * Writes every event of a run, but for the bytes on their way, as one line of JSON to `<logs>/<time>-<command>.jsonl` (0600). `words` is
 * what was run, without secrets: `run kubernetes:v1.20.2`. The oldest journals go when there are more than fifty.
 */
export async function openJournal(logs: string, command: string, words: string = command): Promise<Journal> {
  await mkdir(logs, { recursive: true, mode: 0o700 });
  const now = () => new Date().toISOString();
  const path = join(logs, `${now().replaceAll(/[:.]/g, '-')}-${command}.jsonl`);
  const file = await open(path, 'a', 0o600);
  let writing: Promise<unknown> = Promise.resolve();
  const write = (line: object) => {
    const text = `${JSON.stringify(line)}\n`;
    // The journal is for showing: a disk that is full must not end the run.
    writing = writing.then(() => file.appendFile(text)).catch(() => {});
  };
  let outcome: RunOutcome = 'stopped';
  write({ at: now(), kind: 'begun', command: words, user: operatorName(), process: await ownMark() } satisfies JournalFrame);
  await removeOldest(logs);
  return {
    path,
    onEvent(event) {
      if (event.kind === 'bytes') return;
      if (event.kind === 'step-failed') outcome = 'failed';
      if (event.kind === 'finished') outcome = 'done';
      write(event);
    },
    async [Symbol.asyncDispose]() {
      write({ at: now(), kind: 'ended', outcome } satisfies JournalFrame);
      await writing;
      await file.close();
    },
  };
}

/** The names of a cluster's journals, the oldest first: they begin with their time. */
export async function journalNames(logs: string): Promise<readonly string[]> {
  const names = await readdir(logs).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  return names.filter((name) => name.endsWith('.jsonl')).sort();
}

async function removeOldest(logs: string): Promise<void> {
  const names = await journalNames(logs);
  for (const name of names.slice(0, -KEPT_JOURNALS)) await rm(join(logs, name), { force: true });
}
