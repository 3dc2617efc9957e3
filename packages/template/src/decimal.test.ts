import assert from 'node:assert/strict';
import { test } from 'node:test';
import { add, decimalOf, divide, multiply, subtract, toNumber } from './decimal.ts';

test('decimal fractions add up', () => {
  assert.equal(toNumber(add(decimalOf(0.1), decimalOf(0.2))), 0.3);
  assert.equal(toNumber(subtract(decimalOf(1), decimalOf(0.9))), 0.1);
  assert.equal(toNumber(multiply(decimalOf(1.1), decimalOf(1.1))), 1.21);
  assert.equal(toNumber(divide(decimalOf(1), decimalOf(3))), 0.3333333333333333);
  assert.equal(toNumber(divide(decimalOf(-2), decimalOf(3))), -0.6666666666666667);
  assert.throws(() => divide(decimalOf(1), decimalOf(0)), /division by 0/);
});
