import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tokenize } from './lexer.ts';

function types(text: string): string {
  return tokenize(text)
    .map(({ type, value }) => (type === 'error' ? value : type))
    .join(' ');
}

test('text and actions alternate', () => {
  assert.equal(types('a{{ .b | c 1 }}d'), 'text leftDelim space field space pipe space identifier space number space rightDelim text eof');
});

test('trim markers take the space of the text with them', () => {
  const tokens = tokenize('a \n{{- 3 -}}\t b');
  assert.deepEqual(
    tokens.filter(({ type }) => type === 'text').map(({ value }) => value),
    ['a', 'b'],
  );
  assert.equal(types('{{-3}}'), 'leftDelim number rightDelim eof');
});

test('tokens know their lines', () => {
  assert.deepEqual(
    tokenize('a\n{{\n.b }}').map(({ line }) => line),
    [1, 2, 2, 3, 3, 3, 3],
  );
});

test('what cannot be read says why', () => {
  assert.match(types('{{ "a'), /unterminated quoted string$/);
  assert.match(types('{{ (1 }}'), /unclosed left paren$/);
  assert.match(types('{{ $x+1 }}'), /bad character U\+002B '\+'$/);
  assert.match(types('{{/* x'), /unclosed comment$/);
  assert.match(types('{{ .a'), /unclosed action$/);
});
