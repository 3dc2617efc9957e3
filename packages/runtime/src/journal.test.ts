import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openJournal } from './journal.ts';

test('a journal holds every event but the bytes on their way, a line each, for its owner only', async () => {
  const work = mkdtempSync(join(tmpdir(), 'sealos-journal-'));
  try {
    const at = '2026-01-01T00:00:00.000Z';
    let path: string;
    {
      await using journal = await openJournal(join(work, 'logs'), 'run');
      path = journal.path;
      for (let sent = 0; sent < 100; sent += 1) journal.onEvent({ at, kind: 'bytes', step: 'a', host: 'h', sent });
      for (let line = 0; line < 100; line += 1) journal.onEvent({ at, kind: 'output', step: 'a', host: 'h', line: `line\n${line}` });
      journal.onEvent({ at, kind: 'finished', changed: 1, skipped: 0, milliseconds: 5 });
    }
    const events = readFileSync(path, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.equal(events.length, 103);
    assert.equal(events[0].kind, 'begun');
    assert.equal(events[0].process.pid, process.pid);
    assert.deepEqual(
      events.slice(1, 101).map(({ line }) => line),
      Array.from({ length: 100 }, (_, line) => `line\n${line}`),
    );
    assert.equal(events[101].kind, 'finished');
    assert.deepEqual([events[102].kind, events[102].outcome], ['ended', 'done']);
    assert.equal(statSync(path).mode & 0o777, 0o600);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
});
