import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RunEvent } from '@sealos/runtime';
import { fit, makeTerminalView } from './terminal.ts';

const at = '2026-01-01T00:00:00.000Z';
const plan: RunEvent = { at, kind: 'plan', steps: [{ id: 'a', title: 'sending layers', hosts: ['h1', 'h2'] }] };
const started = (host: string, bytes?: number): RunEvent => ({ at, kind: 'step-started', step: 'a', host, ...(bytes ? { bytes } : {}) });

/** A terminal of our own: obeys the two sequences that are used, and holds what a person would see. */
function screenOf(size: { readonly columns: number; readonly rows: number; readonly colors?: boolean }) {
  let seen: string[] = [''];
  let time = 0;
  const view = makeTerminalView({
    colors: false,
    ...size,
    now: () => time,
    write(text) {
      const up = /^\x1b\[(\d+)A\x1b\[0J/.exec(text);
      if (up) seen = [...seen.slice(0, -1 - Number(up[1])), ''];
      for (const part of text.slice(up?.[0].length ?? 0).split('\n')) seen.push(`${seen.pop() ?? ''}${part}`, '');
      seen.pop();
    },
  });
  return {
    view,
    pass: (milliseconds: number) => {
      time += milliseconds;
      view.draw();
    },
    seen: () => seen.slice(0, -1),
  };
}

test('each host at work has one line, kept up to date; what has ended stays above', () => {
  const { view, pass, seen } = screenOf({ columns: 80, rows: 24 });
  for (const event of [plan, started('h1', 2e6), started('h2')]) view.onEvent(event);
  pass(1500);
  assert.deepEqual(seen(), ['h1  sending layers  1.5 s', 'h2  sending layers  1.5 s']);
  view.onEvent({ at, kind: 'bytes', step: 'a', host: 'h1', sent: 1e6 });
  view.onEvent({ at, kind: 'output', step: 'a', host: 'h2', line: 'pulling   images' });
  pass(1000);
  assert.deepEqual(seen(), ['h1  sending layers  2.5 s  1.0 MB of 2.0 MB', 'h2  sending layers  2.5 s  pulling images']);
  view.onEvent({ at, kind: 'step-done', step: 'a', host: 'h2', milliseconds: 2500 });
  assert.deepEqual(seen(), ['h2  sending layers: done in 2.5 s', 'h1  sending layers  2.5 s  1.0 MB of 2.0 MB']);
  view.end();
  assert.deepEqual(seen(), ['h2  sending layers: done in 2.5 s']);
});

test('on a narrow terminal lines are cut, so that none takes two rows', () => {
  const { view, pass, seen } = screenOf({ columns: 24, rows: 24 });
  for (const event of [plan, started('h1')]) view.onEvent(event);
  view.onEvent({ at, kind: 'output', step: 'a', host: 'h1', line: 'a long line of output' });
  pass(0);
  assert.deepEqual(seen(), ['h1  sending layers  0.…']);
});

test('more hosts than rows are counted', () => {
  const { view, pass, seen } = screenOf({ columns: 80, rows: 5 });
  view.onEvent(plan);
  for (let host = 1; host <= 9; host += 1) view.onEvent(started(`h${host}`));
  pass(0);
  assert.deepEqual(seen(), ['h1  sending layers  0.0 s', 'h2  sending layers  0.0 s', 'and 7 more']);
});

test('programs that colour and redraw do not draw on the screen', () => {
  const { view, pass, seen } = screenOf({ columns: 80, rows: 24 });
  for (const event of [plan, started('h1')]) view.onEvent(event);
  view.onEvent({ at, kind: 'output', step: 'a', host: 'h1', line: '\x1b[2J\x1b[31mred\x1b[0m 10%\r\x1b]0;title\x07 20%\r' });
  pass(0);
  assert.deepEqual(seen(), ['h1  sending layers  0.0 s  20%']);
});

test('colours only where they are wanted', () => {
  const failed: RunEvent = { at, kind: 'step-failed', step: 'a', host: 'h1', message: 'no', milliseconds: 1 };
  for (const colors of [true, false]) {
    const { view, seen } = screenOf({ columns: 80, rows: 24, colors });
    view.onEvent(plan);
    view.onEvent(failed);
    assert.equal(seen().join('').includes('\x1b'), colors);
  }
});

test('wide characters take two columns', () => {
  assert.equal(fit('漢字漢字', 8), '漢字漢字');
  assert.equal(fit('漢字漢字', 7), '漢字漢…');
  assert.equal(fit('漢字漢字', 6), '漢字…');
  assert.equal(fit('abc', 3), 'abc');
  assert.equal(fit('abcd', 3), 'ab…');
});
