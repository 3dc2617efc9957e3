import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isFloatText, parseFloating, parseInteger, parseNumber } from './number.ts';

test('integers are read in every base, with underscores between digits only', () => {
  const good = { '017': 15n, '0x1F': 31n, '0b101': 5n, '0o17': 15n, '-5': -5n, '1_000': 1000n, '0x_1': 1n };
  for (const [text, value] of Object.entries(good)) assert.equal(parseInteger(text), value, text);
  for (const bad of ['', '08', '1__0', '_1', '1_', '0x', '1.0', 'a']) assert.equal(parseInteger(bad), undefined, bad);
});

test('floats are read in decimal and hexadecimal', () => {
  assert.deepEqual(['1.5', '.5', '1e3', '0x1p-2', '1.'].map(parseFloating), [1.5, 0.5, 1000, 0.25, 1]);
  assert.deepEqual(['1e400', 'x', '', '.'].map(parseFloating), [undefined, undefined, undefined, undefined]);
});

test('a literal is every kind of number that it can be', () => {
  assert.deepEqual(parseNumber('1e3', 'number'), { float: 1000, int: 1000n, uint: 1000n });
  assert.deepEqual(parseNumber('-1', 'number'), { float: -1, int: -1n, uint: undefined });
  assert.equal(parseNumber('99999999999999999999', 'number'), 'integer overflow: "99999999999999999999"');
  assert.deepEqual(['1', '1.0', '0x1e1', "'.'", '1e3', '0x1p4'].map(isFloatText), [false, true, false, false, true, true]);
});
