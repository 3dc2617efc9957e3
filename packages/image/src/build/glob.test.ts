import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compilePattern } from './glob.ts';

function matching(pattern: string, names: readonly string[]): readonly string[] | undefined {
  const matches = compilePattern(pattern);
  return matches === undefined ? undefined : names.filter(matches);
}

const NAMES = ['a', 'ab', 'b.txt', '.hidden', 'a-b', 'a]b', '[x]', 'ä', 'a*b', 'Z'];

// The table of Go's path/filepath Match, as its documentation states the rules.
test('patterns match as in Go', () => {
  assert.deepEqual(matching('*', NAMES), NAMES);
  assert.deepEqual(matching('?', NAMES), ['a', 'ä', 'Z']);
  assert.deepEqual(matching('a*', NAMES), ['a', 'ab', 'a-b', 'a]b', 'a*b']);
  assert.deepEqual(matching('a\\*b', NAMES), ['a*b']);
  assert.deepEqual(matching('[a-c]*', NAMES), ['a', 'ab', 'b.txt', 'a-b', 'a]b', 'a*b']);
  assert.deepEqual(matching('[^a-c]', NAMES), ['ä', 'Z']);
  assert.deepEqual(matching('\\[x]', NAMES), ['[x]']);
  assert.deepEqual(matching('a[\\-\\]]b', NAMES), ['a-b', 'a]b']);
  assert.deepEqual(matching('[c-a]', NAMES), []);
  assert.deepEqual(matching('*.t?t', NAMES), ['b.txt']);
});

test('what Go calls a bad pattern is one', () => {
  for (const pattern of ['[', '[]', '[]a]', '[-]', '[x-]', '[a-b-c]', '[-x]', '[', '[^', '[^bc', 'a[', '\\']) {
    assert.equal(compilePattern(pattern), undefined, pattern);
  }
});
