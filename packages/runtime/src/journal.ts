import { mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import type { OnRunEvent } from './event.ts';

export interface Journal extends AsyncDisposable {
  readonly path: string;
  readonly onEvent: OnRunEvent;
}

/** Writes every event of a run, but for the bytes on their way, as one line of JSON to `<logs>/<time>-<command>.jsonl` (0600). */
export async function openJournal(logs: string, command: string): Promise<Journal> {
  await mkdir(logs, { recursive: true, mode: 0o700 });
  const path = join(logs, `${new Date().toISOString().replaceAll(/[:.]/g, '-')}-${command}.jsonl`);
  const file = await open(path, 'a', 0o600);
  let writing: Promise<unknown> = Promise.resolve();
  return {
    path,
    onEvent(event) {
      if (event.kind === 'bytes') return;
      const line = `${JSON.stringify(event)}\n`;
      // The journal is for showing: a disk that is full must not end the run.
      writing = writing.then(() => file.appendFile(line)).catch(() => {});
    },
    async [Symbol.asyncDispose]() {
      await writing;
      await file.close();
    },
  };
}
