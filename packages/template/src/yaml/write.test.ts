import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'yaml';
import { createBudget, fromData, type TemplateData } from '../value.ts';
import { compareKeys } from './keys.ts';
import { writeYaml } from './write.ts';

function write(data: TemplateData): string {
  return writeYaml(fromData(data), createBudget(1e6, 1e6));
}

test('lists stand under their key without further indentation', () => {
  assert.equal(write({ b: [1, { c: 'x', d: [] }], a: {} }), 'a: {}\nb:\n- 1\n- c: x\n  d: []');
});

test('strings that would be read as something else are quoted', () => {
  assert.equal(
    write(['yes', '1', '', 'null', '2024-01-02', '1:30', 'plain', ' x', 'a: b']),
    '- "yes"\n- "1"\n- ""\n- "null"\n- "2024-01-02"\n- "1:30"\n- plain\n- \' x\'\n- \'a: b\'',
  );
});

test('text of several lines is literal', () => {
  assert.equal(write({ a: 'x\ny\n', b: 'x\n\ny' }), 'a: |\n  x\n  y\nb: |-\n  x\n\n  y');
});

test('another reader reads what was written', () => {
  const data = {
    long: 'word '.repeat(40).trim(),
    tab: 'a\tb',
    emoji: '🎉',
    quote: `it's "x"`,
    nested: [[1, [2]], { a: [{ b: null }] }],
    multi: ' lead\ntrail \n',
  };
  assert.deepEqual(parse(write(data)), data);
});

test('keys sort as people count', () => {
  assert.deepEqual(['a10', 'a9', 'B', '_', 'a', '1', 'a1'].sort(compareKeys), ['_', '1', 'B', 'a', 'a1', 'a9', 'a10'].sort(compareKeys));
  assert.ok(compareKeys('a9', 'a10') < 0);
});
