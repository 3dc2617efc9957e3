import assert from 'node:assert/strict';
import { test } from 'node:test';
import { quote, unquote, unquoteCharacter } from './quote.ts';

test('quoting escapes what Go escapes', () => {
  assert.equal(quote('a"b\\\n\t\x01é\u2028🎉\u{10ffff}'), '"a\\"b\\\\\\n\\t\\x01é\\u2028🎉\\U0010ffff"');
  assert.equal(quote('é🎉', { ascii: true }), '"\\u00e9\\U0001f389"');
  assert.equal(quote('\udcff'), '"\\xff"');
});

test('unquoting undoes quoting and refuses what is malformed', () => {
  for (const text of ['', 'a"b\\\n', 'é世🎉', '\x07\b\f\v']) assert.equal(unquote(quote(text)), text);
  assert.equal(unquote('`a\\n\r`'), 'a\\n');
  assert.equal(unquote('"\\xc3\\xa9\\101"'), 'éA');
  for (const bad of ['"\\q"', '"\\x4"', '"\\ud800"', '"\\400"', '"\\\'"']) assert.equal(unquote(bad), undefined);
});

test('character constants give their code point', () => {
  assert.equal(unquoteCharacter("'世'"), 0x4e16);
  assert.equal(unquoteCharacter("'\\''"), 39);
  assert.equal(typeof unquoteCharacter("'ab'"), 'string');
});
