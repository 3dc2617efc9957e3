import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeJson } from '../functions/json.ts';
import { createBudget } from '../value.ts';
import { readYaml } from './read.ts';

function read(text: string): string {
  const budget = createBudget(1e6, 1e6);
  return encodeJson(readYaml(text, budget), { html: false, indent: 0 }, budget);
}

test('plain words mean what YAML 1.1 says', () => {
  assert.equal(
    read('[yes, on, "yes", ~, 0x1F, 017, 1_000, 1:30, 2024-01-02, .5, 1e3]'),
    '[true,true,"yes",null,31,15,1000,"1:30","2024-01-02",0.5,1000]',
  );
});

test('anchors, aliases and merge keys are followed', () => {
  assert.equal(read('a: &x {b: 1, c: 2}\nd:\n  <<: *x\n  c: 3\ne: *x'), '{"a":{"b":1,"c":2},"d":{"b":1,"c":3},"e":{"b":1,"c":2}}');
});

test('keys become strings and the first document counts', () => {
  assert.equal(read('1: a\ntrue: b\n---\nc: d'), '{"1":"a","true":"b"}');
  assert.equal(read(''), 'null');
});

test('a text that is not YAML says where', () => {
  assert.throws(() => read('a: [1\nb: 2'), /error converting YAML to JSON: yaml: line \d/);
  assert.throws(() => read('a: .inf'), /unsupported value/);
});
