import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createBudget, dict, float, fromData, int, isTrue, kindName, list, stringMap, typeName } from './value.ts';

test('data becomes values of the types that Go would have', () => {
  const types = [1, 1.5, 2n, 'x', true, null, [1], { a: 1 }, float(1), stringMap({})].map((data) => typeName(fromData(data)));
  assert.deepEqual(types, [
    'int',
    'float64',
    'int',
    'string',
    'bool',
    '<nil>',
    '[]interface {}',
    'map[string]interface {}',
    'float64',
    'map[string]string',
  ]);
});

test('integers wrap at their size', () => {
  assert.equal(int((1n << 63n) - 1n + 1n, 'int64').value, -(1n << 63n));
  assert.equal(int(257, 'uint8').value, 1n);
});

test('zero, nothing and empty are false', () => {
  for (const value of [undefined, null, '', 0, int(0), false, list([]), dict()]) assert.equal(isTrue(value), false);
  for (const value of ['a', 0.1, int(1), true, list([null]), dict([['a', null]])]) assert.equal(isTrue(value), true);
});

test('kinds have the names of reflect', () => {
  assert.deepEqual([null, list([]), dict(), int(1, 'uint8'), 1.5].map(kindName), ['invalid', 'slice', 'map', 'uint8', 'float64']);
});

test('a budget counts work and stops single texts', () => {
  const budget = createBudget(10, 100);
  budget.work(10);
  assert.throws(() => budget.work(1), /more work than allowed/);
  assert.throws(() => createBudget(10, 100).text(101), /text of more than 100/);
  assert.throws(() => createBudget(10, 100).text(Number.POSITIVE_INFINITY), /text of more/);
});
