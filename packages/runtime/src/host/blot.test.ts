import assert from 'node:assert/strict';
import { test } from 'node:test';
import { blot } from './blot.ts';

test('a secret is hidden as it is and as a shell word', () => {
  assert.equal(blot("pass it's and 'it'\\''s'.", ["it's"]), 'pass *** and ***.');
});

test('a secret of several lines is hidden line by line', () => {
  const key = '-----BEGIN KEY-----\nabcdefgh\n}\n-----END KEY-----\n';
  assert.equal(blot('said abcdefgh }', [key]), 'said *** }');
});

test('a secret that holds another one is hidden whole, and an empty one hides nothing', () => {
  assert.equal(blot('hunter22 hunter2', ['hunter2', 'hunter22', '']), '*** ***');
});
