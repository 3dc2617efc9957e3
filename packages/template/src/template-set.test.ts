import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dict, fn, parseTemplateSet, type TemplateError, type Value } from './index.ts';

const set = (texts: Readonly<Record<string, string>>) => parseTemplateSet(new Map(Object.entries(texts)));
const render = (texts: Readonly<Record<string, string>>, name: string, data: Value = dict()) => set(texts).start().render(name, data);

test('texts use what the others define, as values too, and the later definition counts', () => {
  const texts = {
    a: '{{ define "x" }}one{{ end }}{{ define "y" }}{{ .n }}\n{{ end }}',
    b: '{{ define "x" }}two{{ end }}',
    c: '{{ template "x" . }} {{ include "y" . | trim | quote }}',
  };
  assert.equal(render(texts, 'c', dict([['n', 'value']])), 'two "value"');
});

test('tpl renders texts of data, which see all that is defined, and define only for themselves', () => {
  const texts = { a: '{{ define "x" }}[{{ . }}]{{ end }}', b: '{{ tpl .t . }}{{ tpl "plain" . }}' };
  assert.equal(
    render(
      texts,
      'b',
      dict([
        ['t', '{{ define "own" }}o{{ end }}{{ include "x" .n }}{{ include "own" . }}'],
        ['n', 'v'],
      ]),
    ),
    '[v]oplain',
  );
  assert.throws(() => render({ b: '{{ tpl "{{ define \\"z\\" }}{{ end }}" . }}{{ include "z" . }}' }, 'b'), /no template "z" is defined/);
});

test('what set changes is changed for what is rendered next', () => {
  const run = set({ a: '{{ $_ := set . "k" "v" }}', b: '{{ .k }}' }).start();
  const data = dict();
  run.render('a', data);
  assert.equal(run.render('b', data), 'v');
});

test('an error is placed in the text where it happened; a text that is no template does not keep the others from it', () => {
  const made = set({
    bad: 'x\n{{ if }}',
    helper: '\n{{ define "h" }}\n{{ index .list 3 }}{{ end }}',
    main: '{{ include "h" . }}',
    fine: 'fine',
  });
  assert.deepEqual([...made.failures.keys()], ['bad']);
  assert.equal(made.failures.get('bad')?.line, 2);
  const run = made.start();
  assert.equal(run.render('fine', dict()), 'fine');
  assert.throws(
    () => run.render('main', dict()),
    (error: TemplateError) => error.file === 'helper' && error.line === 3,
  );
});

test('limits are those of the run: depth, work and output of all its texts together', () => {
  const endless = {
    a: '{{ define "r" }}{{ include "r" . }}{{ end }}{{ include "r" . }}',
    b: '{{ range until 900 }}x{{ end }}',
    c: '{{ tpl .t . }}',
  };
  const run = set(endless).start({ maxWork: 5000 });
  const limited = (name: string, data: Value = dict()) =>
    assert.throws(
      () => run.render(name, data),
      (error: TemplateError) => error.code === 'TEMPLATE_LIMIT',
    );
  limited('a');
  assert.throws(() => {
    for (let turn = 0; turn < 10; turn++) run.render('b', dict());
  }, /more work than allowed/);
  limited('c', dict([['t', '{{ tpl .t . }}']]));
});

test('maps of named types have methods, which hide keys', () => {
  const files: Value = {
    ...dict([
      ['Get', 'a key'],
      ['x', 'y'],
    ]),
    methods: { Get: fn(['string'], (name) => `got ${name}`) },
  };
  assert.equal(
    render({ a: '{{ .F.Get "z" }} {{ .F.x }}{{ range $k, $v := .F }} {{ $k }}{{ end }}' }, 'a', dict([['F', files]])),
    'got z y Get x',
  );
});
