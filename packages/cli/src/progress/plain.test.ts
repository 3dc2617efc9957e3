import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RunEvent } from '@sealos/runtime';
import { jsonLine } from './json.ts';
import { makeDescription } from './plain.ts';

const at = '2026-01-01T00:00:00.000Z';
const events: readonly RunEvent[] = [
  { at, kind: 'plan', steps: [{ id: 'a', title: 'sending layers', hosts: ['h1'] }] },
  { at, kind: 'warning', message: 'little memory', host: 'h1' },
  { at, kind: 'step-skipped', step: 'a', host: 'h2' },
  { at, kind: 'step-started', step: 'a', host: 'h1', bytes: 1_500_000 },
  { at, kind: 'bytes', step: 'a', host: 'h1', sent: 7 },
  { at, kind: 'output', step: 'a', host: 'h1', line: '\x1b[32mok\x1b[0m' },
  { at, kind: 'output', step: 'a', host: 'h1', line: '\x1b[0m' },
  { at, kind: 'step-done', step: 'a', host: 'h1', milliseconds: 12_345 },
  { at, kind: 'step-failed', step: 'b', host: 'h1', message: 'h1: broke', milliseconds: 100 },
  { at, kind: 'step-todo', step: 'a', host: 'h1', what: 'unpack 3 layers' },
  { at, kind: 'finished', changed: 1, skipped: 2, milliseconds: 9_960 },
];

test('in a pipe every event that matters is a line that says where', () => {
  assert.deepEqual(events.flatMap(makeDescription()), [
    'warning: little memory',
    'h1  sending layers (1.5 MB)',
    'h1  | ok',
    'h1  sending layers: done in 12 s',
    'h1  b: FAILED after 0.1 s',
    'h1  sending layers: would unpack 3 layers',
    'finished in 10.0 s: 1 changed, 2 as they should be',
  ]);
});

test('as JSON every event is one line that holds all of it', () => {
  for (const event of events) {
    const line = jsonLine(event);
    assert.equal(line.indexOf('\n'), line.length - 1);
    assert.deepEqual(JSON.parse(line), event);
  }
});
