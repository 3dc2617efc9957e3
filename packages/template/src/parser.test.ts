import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeText } from './ast.ts';
import { parseTrees } from './parser.ts';

function first(text: string): string {
  const [node] = parseTrees('t', text, () => true).get('t') ?? [];
  assert.ok(node !== undefined);
  return nodeText(node);
}

test('a tree writes itself back as Go writes it', () => {
  for (const text of ['{{.a.b | f 1 "x" (g .c).d}}', '{{$x := 1}}', '{{template "t" .}}', '{{print (print 1 | f)}}'])
    assert.equal(first(text), text);
  assert.equal(first('{{  .a  |  f  }}'), '{{.a | f}}');
});

test('definitions and blocks become trees of their own', () => {
  const trees = parseTrees('t', '{{ define "a" }}A{{ end }}{{ block "b" . }}B{{ end }}', () => true);
  assert.deepEqual([...trees.keys()].sort(), ['a', 'b', 't']);
});

test('functions that do not exist are refused before anything runs', () => {
  assert.throws(() => parseTrees('t', '\n{{ nope }}', () => false), /^TemplateError: template: t:2: function "nope" not defined$/);
});
