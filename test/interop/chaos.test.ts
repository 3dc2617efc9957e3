// How the chaos test chooses its moments, knows events again and writes its result; the test itself is `npm run test:chaos`.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { eventReader } from '../chaos/event.ts';
import { chooseMoments, seededNumbers, shareMoments } from '../chaos/moment.ts';
import { withResult } from '../chaos/report.ts';
import type { Stage } from '../chaos/stage.ts';
import { disturb, type Told, tell } from '../chaos/telling.ts';
import type { Ended, RunOptions } from '../cluster/scenarios/context.ts';

const event = (kind: string, step: string, host: string) => JSON.stringify({ at: 'now', kind, step, host });

test('a seed chooses the same moments each time, and another seed others', () => {
  const choose = (seed: string) => chooseMoments(seededNumbers(seed, 'create'), 300, 6);
  assert.deepEqual(choose('1'), choose('1'));
  assert.notDeepEqual(choose('1'), choose('2'));
});

test('moments lie in all parts of a chapter, one after the other, at most half a second after their event', () => {
  for (let seed = 0; seed < 50; seed += 1) {
    const moments = chooseMoments(seededNumbers(String(seed), 'add'), 40, 8);
    for (const [index, { place, delay }] of moments.entries()) {
      assert.ok(place >= index * 5 && place < (index + 1) * 5);
      assert.ok(delay >= 0 && delay < 500);
    }
  }
});

test('chapters share the moments by their weight, and none is lost', () => {
  assert.deepEqual(shareMoments(24, [6, 5, 5, 5, 4]), [6, 5, 5, 5, 3]);
  assert.deepEqual(shareMoments(4, [1, 1, 1, 1]), [1, 1, 1, 1]);
});

test('events are known again by kind, step and host, lines of output by their number; what only counts is none', () => {
  const read = eventReader(new Map([['10.77.0.11', 'h1']]));
  assert.equal(read(event('step-started', 'leave-etcd 10.77.0.11', '10.77.0.11')), 'step-started leave-etcd h1 h1');
  assert.equal(read(event('output', 'init', '10.77.0.11')), 'output init h1 #1');
  assert.equal(read(event('output', 'init', '10.77.0.11')), 'output init h1 #2');
  assert.equal(read(event('bytes', 'layers', '10.77.0.11')), undefined);
  assert.equal(read('no event'), undefined);
});

/** A stage whose operator goes through five steps, one more at each call, and is killed as asked for. */
function fakeStage(faults: readonly string[] = []) {
  const calls: string[] = [];
  let done = 0;
  const stage: Stage = {
    hosts: [],
    names: new Map(),
    async operator(_args, { killWhen, onLine, killDelay }: RunOptions = {}): Promise<Ended> {
      const from = done;
      for (let step = from; step < 5; step += 1) {
        const line = event('step-done', `s${step}`, 'h1');
        onLine?.(line);
        done = step + 1;
        if (!killWhen?.(line)) continue;
        calls.push(`s${from} to s${step}, killed`);
        return { status: null, stdout: '', stderr: '' };
      }
      if (killDelay !== undefined && !killWhen) {
        done = from;
        calls.push('killed at once');
        return { status: null, stdout: '', stderr: '' };
      }
      calls.push(`s${from} to the end`);
      return { status: 0, stdout: '', stderr: '' };
    },
    dump: async () => ['line'],
    faults: async () => (done === 5 ? faults : ['not done']),
    quiet: async () => {},
  };
  return { stage, calls };
}

const chapter = { name: 'create', args: ['run'], masters: ['h1'], workers: [], weight: 1 };
const told: Told = { chapter, events: ['begun', ...[0, 1, 2, 3, 4].map((step) => `step-done s${step} h1`)], dump: ['line'], seconds: 1 };
const silent = () => {};

test('a story that is told undisturbed remembers what it went through', async () => {
  const { stage } = fakeStage();
  const [first] = await tell(stage, [chapter], silent);
  assert.deepEqual(first?.events, told.events);
});

test('each call is killed at its moment or at the first event behind it, and the last one goes to the end', async () => {
  const { stage, calls } = fakeStage();
  const moments = [0, 2, 2, 5].map((place) => ({ place, delay: 10, patient: false }));
  const { kills, faults, ended } = await disturb(stage, told, moments, silent);
  assert.deepEqual(calls, ['killed at once', 's0 to s1, killed', 's2 to s2, killed', 's3 to s4, killed', 's5 to the end']);
  assert.deepEqual(
    kills.map((kill) => kill.event),
    ['begun', 'step-done s1 h1', 'step-done s2 h1', 'step-done s4 h1'],
  );
  assert.deepEqual(faults, []);
  assert.ok(ended);
});

test('a cluster that differs is a fault, and stands in the result beside its seed', async () => {
  const { stage } = fakeStage(['- Node h3 is ready']);
  const mine = await disturb(stage, told, [{ place: 3, delay: 0, patient: true }], silent);
  assert.deepEqual(mine.faults, ['- Node h3 is ready']);
  const page = readFileSync(join(dirname(dirname(import.meta.dirname)), 'docs', 'chaos.md'), 'utf8');
  const result = { seed: 'S17', begun: new Date(0), minutes: 3, told: [told], survived: [mine] };
  const written = withResult(page, result);
  for (const part of [/Seed `S17`/, /\*\*1 fault\*\*/, /- Node h3 is ready/, /\| 1 \| create \| step-done s2 h1 \| 0 \|/])
    assert.match(written, part);
  assert.equal(withResult(written, result), written, 'the next result takes its place');
});
