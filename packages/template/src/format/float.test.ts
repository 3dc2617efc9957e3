import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatFloat } from './float.ts';

test('the shortest form is the one that reads back', () => {
  assert.deepEqual(
    [1, 1e6, 123456, 1e-5, 0.0001, 1e21, -0, 0.1].map((value) => formatFloat(value, 'g', -1)),
    ['1', '1e+06', '123456', '1e-05', '0.0001', '1e+21', '-0', '0.1'],
  );
  assert.equal(formatFloat(1e21, 'f', -1), '1000000000000000000000');
});

test('halves round to even, on the exact value', () => {
  assert.deepEqual(
    [0.5, 1.5, 2.5, -2.5].map((value) => formatFloat(value, 'f', 0)),
    ['0', '2', '2', '-2'],
  );
  assert.equal(formatFloat(1.005, 'f', 2), '1.00');
  assert.equal(formatFloat(9.995e10, 'e', 2), '1.00e+11');
});

test('there is a form for everything', () => {
  assert.deepEqual(
    [Number.NaN, Infinity, -Infinity].map((value) => formatFloat(value, 'g', -1)),
    ['NaN', '+Inf', '-Inf'],
  );
  assert.equal(formatFloat(1.5, 'x', -1), '0x1.8p+00');
  assert.equal(formatFloat(1, 'b', -1), '4503599627370496p-52');
});
