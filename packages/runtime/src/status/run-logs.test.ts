import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { KEPT_JOURNALS, openJournal } from '../journal.ts';
import { findRunLog, listRunLogs, readRunLog } from './run-logs.ts';

let root: string;
before(() => {
  root = mkdtempSync(join(tmpdir(), 'sealos-logs-'));
});
after(() => rmSync(root, { recursive: true, force: true }));

const at = '2026-01-01T00:00:00.000Z';
const plan = {
  at,
  kind: 'plan',
  steps: [
    { id: 'a', title: 'doing a', hosts: ['10.0.0.1', '10.0.0.2'] },
    { id: 'b', title: 'doing b', hosts: ['10.0.0.1'] },
  ],
} as const;
const outcomeOf = async (logs: string) => (await listRunLogs(logs))[0]?.outcome;

test('a run tells its command, its hosts and how it ended', async () => {
  const logs = join(root, 'ends');
  {
    await using journal = await openJournal(logs, 'run', 'run image:1');
    assert.equal(await outcomeOf(logs), 'at work');
    journal.onEvent(plan);
    journal.onEvent({ at, kind: 'finished', changed: 3, skipped: 1, milliseconds: 5 });
  }
  const [done] = await listRunLogs(logs);
  assert.equal(done?.outcome, 'done');
  assert.equal(done?.command, 'run image:1');
  assert.deepEqual([done?.hosts, done?.changed], [['10.0.0.1', '10.0.0.2'], 3]);
  {
    await using journal = await openJournal(logs, 'run');
    journal.onEvent({ at, kind: 'step-failed', step: 'a', host: '10.0.0.1', message: '10.0.0.1: no', milliseconds: 1 });
  }
  const [failed] = await listRunLogs(logs);
  assert.equal(failed?.outcome, 'failed');
  assert.deepEqual(failed?.failures, [{ step: 'a', host: '10.0.0.1', message: '10.0.0.1: no' }]);
  {
    await using _journal = await openJournal(logs, 'reset');
  }
  assert.equal(await outcomeOf(logs), 'stopped');
});

test('a run whose process was killed says so, and half a line at its end does not matter', async () => {
  const logs = join(root, 'killed');
  const code = `import { readFileSync } from 'node:fs'; const { openJournal } = await import(${JSON.stringify(join(import.meta.dirname, '../journal.ts'))});
    const journal = await openJournal(${JSON.stringify(logs)}, 'run');
    journal.onEvent({ at: '${at}', kind: 'output', step: 'a', host: 'h', line: 'half way' });
    while (!readFileSync(journal.path, 'utf8').includes('half way')) await new Promise(setImmediate);
    console.log('written'); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    await once(child.stdout, 'data');
    assert.equal(await outcomeOf(logs), 'at work');
  } finally {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  const [file = ''] = readdirSync(logs);
  appendFileSync(join(logs, file), '{"at":"2026-01-01T00:00:01');
  assert.equal(await outcomeOf(logs), 'killed');
  const events = await Array.fromAsync(readRunLog(logs, await findRunLog(logs, 'x', undefined)));
  assert.deepEqual(
    events.map((event) => event.kind),
    ['output'],
  );
});

test('events are chosen by host and by step, named by its id or its title', async () => {
  const logs = join(root, 'chosen');
  {
    await using journal = await openJournal(logs, 'run');
    journal.onEvent(plan);
    for (const [step, host] of [
      ['a', '10.0.0.1'],
      ['a', '10.0.0.2'],
      ['b', '10.0.0.1'],
    ] as const)
      journal.onEvent({ at, kind: 'output', step, host, line: `${step} on ${host}` });
  }
  const run = await findRunLog(logs, 'x', '1');
  const lines = async (only: { host?: string; step?: string }) =>
    (await Array.fromAsync(readRunLog(logs, run, only))).flatMap((event) => (event.kind === 'output' ? [event.line] : []));
  assert.deepEqual(await lines({ host: '10.0.0.2' }), ['a on 10.0.0.2']);
  assert.deepEqual(await lines({ step: 'doing a' }), ['a on 10.0.0.1', 'a on 10.0.0.2']);
  assert.deepEqual(await lines({ step: 'b', host: '10.0.0.1' }), ['b on 10.0.0.1']);
});

test('the last fifty journals are kept', async () => {
  const logs = join(root, 'many');
  mkdirSync(logs);
  for (let day = 1; day <= 70; day += 1) writeFileSync(join(logs, `2020-01-01T00-00-${String(day).padStart(2, '0')}-000Z-run.jsonl`), '');
  writeFileSync(join(logs, 'notes.txt'), 'not a journal');
  {
    await using _journal = await openJournal(logs, 'run');
  }
  const names = readdirSync(logs);
  assert.equal(names.filter((name) => name.endsWith('.jsonl')).length, KEPT_JOURNALS);
  assert.ok(names.includes('notes.txt'));
  assert.ok(!names.includes('2020-01-01T00-00-21-000Z-run.jsonl') && names.includes('2020-01-01T00-00-22-000Z-run.jsonl'), 'the oldest go');
});

test('a run is named by its number from the last or by how its name begins', async () => {
  const logs = join(root, 'many');
  assert.equal((await findRunLog(logs, 'x', '2')).name, '2020-01-01T00-00-70-000Z-run');
  assert.equal((await findRunLog(logs, 'x', '2020-01-01T00-00-33')).name, '2020-01-01T00-00-33-000Z-run');
  for (const wrong of ['99', '2020-01', 'nothing'])
    await assert.rejects(findRunLog(logs, 'x', wrong), { code: 'no-such-run', exitCode: 2 });
  await assert.rejects(findRunLog(join(root, 'absent'), 'x', undefined), { code: 'no-logs', exitCode: 2 });
});
