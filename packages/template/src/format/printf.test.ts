import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createBudget, fromData, type TemplateData } from '../value.ts';
import { sprint, sprintln } from './print.ts';
import { sprintf } from './printf.ts';

const budget = createBudget(1e6, 1e6);

function print(format: string, ...args: TemplateData[]): string {
  return sprintf(
    format,
    args.map((arg) => fromData(arg)),
    budget,
  );
}

test('verbs, widths and flags print as in Go', () => {
  assert.equal(print('%05d|%-6s|%6.2f|%+d|%x|%q|%v', 42, 'ab', 3.14259, 1, 'hi', 'x"', true), '00042|ab    |  3.14|+1|6869|"x\\""|true');
  assert.equal(print('%v %v', [1, 'a', null], { b: 2, a: [1.5] }), '[1 a <nil>] map[a:[1.5] b:2]');
  assert.equal(print('%T %T %T', 1, 1.5, ['x']), 'int float64 []interface {}');
  assert.equal(print('%#v', { a: ['x', 1] }), 'map[string]interface {}{"a":[]interface {}{"x", 1}}');
  assert.equal(print('%[2]d %[1]d %*d', 1, 2, 3), '2 1  3');
});

test('what is wrong shows in the result', () => {
  assert.equal(print('%d', 'hi'), '%!d(string=hi)');
  assert.equal(print('%d'), '%!d(MISSING)');
  assert.equal(print('%d', 1, 2), '1%!(EXTRA int=2)');
  assert.equal(print('%'), '%!(NOVERB)');
  assert.equal(print('%s', null), '%!s(<nil>)');
  assert.equal(print('%[5]d', 1), '%!d(BADINDEX)');
});

test('print puts spaces between operands that are not strings, println between all', () => {
  const values = [1, 2, 'a', 'b', true].map((value) => fromData(value));
  assert.equal(sprint(values, budget), '1 2abtrue');
  assert.equal(sprintln(values, budget), '1 2 a b true\n');
});
