import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createBudget } from '../value.ts';
import { findMatch } from './match.ts';
import { parsePattern } from './parse.ts';
import { compile } from './program.ts';

function find(pattern: string, text: string): string | undefined {
  const runes = Array.from(text);
  const codes = runes.map((rune) => rune.codePointAt(0) ?? 0);
  const match = findMatch(compile(parsePattern(pattern)), codes, 0, createBudget(1e7, 1e6));
  return match === undefined ? undefined : runes.slice(match[0], match[1]).join('');
}

// JavaScript's own engine is the judge for what both understand.
test('the leftmost match, first alternative first, is the one that Perl finds', () => {
  const patterns = [
    'a',
    'a|ab',
    '(a|ab)(c|bcd)',
    'a*?b',
    '(a+)(b+)?',
    '[^a]+',
    '\\bfoo\\b',
    '^b|c$',
    '(?:ab){2,3}',
    '\\d+\\.\\d*',
    'x*',
    '.*b',
    '(a*)+b',
    '\\w+\\s\\w+',
    '[\\w.-]+@',
    'é+',
  ];
  const texts = ['', 'abcd', 'aab', 'foo bar', 'xfoo', 'ababab', '12.5', 'bcd\nc', 'a.b@c', 'zéé', 'aaaaab'];
  for (const pattern of patterns) {
    for (const text of texts) assert.equal(find(pattern, text), new RegExp(pattern, 'u').exec(text)?.[0], `${pattern} on ${text}`);
  }
});

test("RE2's own syntax is understood", () => {
  assert.equal(find('(?i)[a-c]+', 'xABC'), 'ABC');
  assert.equal(find('(?m)^b$', 'a\nb\nc'), 'b');
  assert.equal(find('\\Qa.b\\E', 'axb a.b'), 'a.b');
  assert.equal(find('[[:alpha:]]+\\pN', 'ab1'), 'ab1');
  assert.equal(find('(?P<n>\\p{Greek})', 'aβ'), 'β');
  assert.equal(find('(?U)a+', 'aaa'), 'a');
  assert.equal(find('a$', 'a\n'), undefined);
});

test('what RE2 does not have is refused in its words', () => {
  const mistakes = {
    '(?=a)': 'invalid or unsupported Perl syntax: `(?=`',
    '(': 'missing closing ): `(`',
    'a**': 'invalid nested repetition operator: `**`',
    '\\8': 'invalid escape sequence: `\\8`',
    '[z-a]': 'invalid character class range: `z-a`',
    'a{1001}': 'invalid repeat count: `{1001}`',
  };
  for (const [pattern, message] of Object.entries(mistakes)) {
    assert.throws(() => parsePattern(pattern), { message: `error parsing regexp: ${message}` });
  }
});
