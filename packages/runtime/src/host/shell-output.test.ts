import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Collector } from './shell-output.ts';

const nonce = 'sealos-abc';
const collect = (change: Partial<ConstructorParameters<typeof Collector>[0]> = {}) =>
  new Collector({ nonce, count: 1, limit: 1000, overflow: () => assert.fail('overflow'), ...change });

test('output is whole whatever pieces it comes in, multi-byte characters too', () => {
  const collector = collect();
  for (const byte of Buffer.from(`ein Wörtchen €\n\nzwei\n${nonce} 1 7\n`)) collector.push(Buffer.from([byte]));
  assert.equal(collector.status, 7);
  assert.equal(collector.text(), 'ein Wörtchen €\n\nzwei');
});

test("the loop's own line break is not output, and one of the script's is", () => {
  for (const [printed, text] of [
    ['', ''],
    ['a', 'a'],
    ['a\n', 'a'],
    ['a\n\n', 'a\n'],
  ]) {
    const collector = collect();
    collector.push(Buffer.from(`${printed}\n${nonce} 1 0\n`));
    assert.equal(collector.text(), text);
  }
});

test('the late word of an earlier script is no output of this one', () => {
  const collector = collect();
  collector.push(Buffer.from(`\n${nonce} 0 143\nmine\n\n${nonce} 1 0\n`));
  assert.equal(collector.status, 0);
  assert.equal(collector.text(), 'mine');
});

test('more than the limit is told once, and the end is still seen', () => {
  let told = 0;
  const collector = collect({
    overflow: () => {
      told += 1;
    },
  });
  collector.push(Buffer.from('x'.repeat(1500)));
  collector.push(Buffer.from('y'.repeat(1500)));
  collector.push(Buffer.from(`\nmore\n\n${nonce} 1 0\n`));
  assert.equal(told, 1);
  assert.equal(collector.status, 0);
});

test('a tail keeps the last lines', () => {
  const collector = collect({ overflow: 'tail', limit: 100 });
  for (let line = 0; line < 1000; line += 1) collector.push(Buffer.from(`line ${line}\n`));
  collector.push(Buffer.from(`\n${nonce} 1 0\n`));
  assert.match(collector.text(), /^line \d+\n(.*\n)*line 999$/);
  assert.ok(collector.text().length <= 200);
});

test('a tail of one line without end keeps its end', () => {
  const collector = collect({ overflow: 'tail', limit: 100 });
  for (let part = 0; part < 1000; part += 1) collector.push(Buffer.from('abcdefghi '));
  collector.push(Buffer.from(`\n${nonce} 1 0\n`));
  assert.ok(collector.text().endsWith('abcdefghi '));
  assert.ok(collector.text().length <= 210);
});
