import assert from 'node:assert/strict';
import { test } from 'node:test';
import { byteLength, compareStrings, fromBytes, normalised, runes, sliceBytes, toBytes } from './utf8.ts';

test('any bytes survive the way into a string and back', () => {
  const all = Uint8Array.from({ length: 256 }, (_, index) => index);
  assert.deepEqual([...toBytes(fromBytes(all))], [...all]);
  for (const text of ['', 'plain', 'héllo 世界 🎉', '\ufffd']) assert.equal(fromBytes(toBytes(text)), text);
});

test('a cut inside a character keeps its bytes, and they join again', () => {
  const [left, right] = [sliceBytes('é', 0, 1), sliceBytes('é', 1, 2)];
  assert.deepEqual([...toBytes(left)], [0xc3]);
  assert.equal(normalised(left + right), 'é');
  assert.deepEqual(runes(left), ['\ufffd']);
});

test('lengths count bytes and order follows code points', () => {
  assert.equal(byteLength('é🎉'), 6);
  assert.ok(compareStrings('\uffff', '🎉') < 0);
  assert.ok(compareStrings('a', 'ab') < 0);
  assert.equal(compareStrings('x', 'x'), 0);
});
