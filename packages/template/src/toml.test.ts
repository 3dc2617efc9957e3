import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'smol-toml';
import { writeToml } from './toml.ts';
import { createBudget, fromData } from './value.ts';

const budget = createBudget(1e6, 1e6);

test('plain keys come before tables, and another reader agrees', () => {
  const data = { t: { a: 1, deep: { b: 'x\n"' } }, z: [1, 2], list: [{ k: 1.5 }, { k: 2.5 }], 'odd key': true };
  const text = writeToml(fromData(data), budget);
  assert.match(text, /^"odd key" = true\nz = \[1, 2\]\n/);
  assert.deepEqual(JSON.parse(JSON.stringify(parse(text))), data);
});

test('only a map can be written', () => {
  assert.throws(() => writeToml('x', budget), /top-level values must be Go maps or structs/);
});
