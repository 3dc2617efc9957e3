// Templates come with images, which anyone can make: none may take the operator's memory or time.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renderTemplate, type TemplateData, TemplateError } from './index.ts';

const small = { name: 'hostile', maxOutput: 100_000, maxWork: 200_000 };

function stopped(text: string, data: TemplateData = {}): void {
  assert.throws(
    () => renderTemplate(text, data, small),
    (error) => error instanceof TemplateError && ['TEMPLATE_LIMIT', 'TEMPLATE_PARSE', 'TEMPLATE_EXECUTE'].includes(error.code),
    text.slice(0, 80),
  );
}

const doubled = '{{ $x := list 1 }}{{ range until 60 }}{{ $x = list $x $x }}{{ end }}';
const own = '{{ $d := dict }}{{ $_ := set $d "self" $d }}';

test('a template that calls itself ends at the limit of depth', () => {
  assert.throws(
    () => renderTemplate('{{ define "x" }}{{ template "x" . }}{{ end }}{{ template "x" 1 }}', {}, small),
    /exceeded maximum template depth \(500\)/,
  );
});

test('loops and sequences end at the limit of work', () => {
  for (const text of [
    '{{ range 999999999999 }}{{ end }}',
    '{{ range until 999999999 }}x{{ end }}',
    '{{ seq 1 999999999 }}',
    '{{ untilStep 0 999999999 1 | len }}',
    '{{ uniq (until 5000) }}',
    '{{ range until 10000 }}{{ $x := until 10000 }}{{ end }}',
  ]) {
    stopped(text);
  }
});

test('text that grows ends at the limit of output', () => {
  for (const text of [
    '{{ repeat 999999999 "x" }}',
    '{{ $x := "ab" }}{{ range until 60 }}{{ $x = print $x $x }}{{ end }}',
    '{{ printf "%999999d" 1 }}',
    '{{ indent 99999999 "x" }}',
    '{{ randAlpha 99999999 }}',
    '{{ replace "" .x .x }}',
    '{{ join .x (splitList "" .x) }}',
    '{{ wrapWith 1 .x .x }}',
    '{{ regexReplaceAll "" .x .x }}',
  ]) {
    stopped(text, { x: 'a'.repeat(10_000) });
  }
});

test('values that contain themselves, or one another many times, end at a limit', () => {
  for (const use of [
    '{{ $x }}',
    '{{ toJson $x }}',
    '{{ toYaml $x }}',
    '{{ deepCopy $x }}',
    '{{ deepEqual $x $x }}',
    '{{ uniq (list $x $x) }}',
  ]) {
    stopped(doubled + use);
  }
  for (const use of ['{{ $d }}', '{{ toJson $d }}', '{{ toYaml $d }}', '{{ toToml $d }}', '{{ deepCopy $d }}']) stopped(own + use);
});

test('a YAML text of aliases to aliases ends at the limit of work', () => {
  const lines = [...'bcdefghi'].map((name, index) => `${name}: &${name} [${Array(9).fill(`*${'abcdefgh'[index]}`).join(',')}]`);
  stopped('{{ fromYaml .x }}', { x: `a: &a [x,x,x,x,x,x,x,x,x]\n${lines.join('\n')}` });
});

test('an expression that would backtrack for ever in other engines answers at once', () => {
  const options = { name: 'hostile' };
  const x = `${'a'.repeat(20_000)}b`;
  assert.equal(renderTemplate('{{ regexMatch "(a+)+$" .x }}{{ regexMatch "(a|aa)+$" .x }}', { x }, options), 'falsefalse');
  assert.match(renderTemplate('{{ regexMatch "((((a{10}){10}){10}){10}){10}" "a" }}', {}, options), /false/);
});

test('nesting without end is refused by the parser', () => {
  for (const text of [`{{ ${'('.repeat(50_000)}`, '{{ if true }}'.repeat(5000), `{{ if 1 }}${'{{ else if 1 }}'.repeat(5000)}{{ end }}`]) {
    assert.throws(() => renderTemplate(text, {}, small), /TemplateError: .*nested more than 400 deep|nested more than 400 deep/);
  }
});

test('output within the limits is not touched', () => {
  assert.equal(renderTemplate('{{ repeat 100000 "x" }}', {}, small).length, 100_000);
});
