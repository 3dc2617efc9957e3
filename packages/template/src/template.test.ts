import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FunctionError, float, fn, int, parseTemplate, renderTemplate, stringMap, type TemplateData, TemplateError } from './index.ts';

function render(text: string, data: TemplateData = {}): string {
  return renderTemplate(text, data, { name: 'test' });
}

function failure(text: string, data: TemplateData = {}, options = {}): TemplateError {
  try {
    renderTemplate(text, data, { name: 'test', ...options });
  } catch (error) {
    assert.ok(error instanceof TemplateError, String(error));
    return error;
  }
  throw new Error('nothing failed');
}

// The actions that real cluster images use (etc/*.tmpl, scripts/*.tmpl, manifests/*.tmpl).
test('a containerd configuration takes its defaults where the environment says nothing', () => {
  const template = [
    'root = "{{ default "/var/lib/containerd" .criData }}"',
    'sandbox_image = "{{ .registryDomain }}:{{ .registryPort }}/{{ .sandboxImage }}"',
    'disable_apparmor = {{ default false .disableApparmor }}',
  ].join('\n');
  const environment = stringMap({ registryDomain: 'sealos.hub', registryPort: '5000', sandboxImage: 'pause:3.9' });
  const plain = 'root = "/var/lib/containerd"\nsandbox_image = "sealos.hub:5000/pause:3.9"\ndisable_apparmor = false';
  assert.equal(render(template, environment), plain);
  assert.match(render(template, { criData: '/data', disableApparmor: 'true' }), /^root = "\/data"(?:.|\n)*apparmor = true$/);
});

test('a kubelet drop-in chooses its flags by the version of Kubernetes, and works without one', () => {
  const template =
    '{{- if or (not .SEALOS_SYS_KUBE_VERSION) (not (semverCompare "^1.27.0" .SEALOS_SYS_KUBE_VERSION)) }}--container-runtime=remote {{ end -}}\n--cri={{ .SEALOS_SYS_CRI_ENDPOINT }}';
  const endpoint = { SEALOS_SYS_CRI_ENDPOINT: '/run/c.sock' };
  assert.equal(render(template, endpoint), '--container-runtime=remote --cri=/run/c.sock');
  assert.equal(render(template, { ...endpoint, SEALOS_SYS_KUBE_VERSION: 'v1.26.3' }), '--container-runtime=remote --cri=/run/c.sock');
  assert.equal(render(template, { ...endpoint, SEALOS_SYS_KUBE_VERSION: 'v1.28.0' }), '--cri=/run/c.sock');
});

test('a k3s unit runs as server on masters and as agent elsewhere', () => {
  const unit =
    'ExecStart={{ default "/usr/bin" .BIN_DIR }}/k3s {{ if contains "master" .SEALOS_SYS_RUN_MODE }}server{{ else }}agent{{ end }}';
  assert.equal(render(unit, { SEALOS_SYS_RUN_MODE: '[master,registry]' }), 'ExecStart=/usr/bin/k3s server');
  assert.equal(render(unit, { SEALOS_SYS_RUN_MODE: 'node', BIN_DIR: '/opt/bin' }), 'ExecStart=/opt/bin/k3s agent');
});

test('a variable that is not set prints as <no value>', () => {
  assert.equal(render('addresses:\n  - {{ .addresses }}'), 'addresses:\n  - <no value>');
  assert.equal(render('name: {{ default "mongodb" .NAME | quote }}'), 'name: "mongodb"');
});

test('one parse renders for many hosts and keeps nothing of the last one', () => {
  const template = parseTemplate('{{ $_ := set . "seen" "x" }}{{ .host }} {{ len . }}', { name: 'etc/hosts.tmpl' });
  const data = { host: 'a' };
  assert.equal(template.execute(data), 'a 2');
  assert.equal(template.execute({ host: 'b', more: 1 }), 'b 3');
  assert.deepEqual(data, { host: 'a' });
});

test('integers and floats stay what they are', () => {
  assert.equal(
    render('{{ .a }} {{ .b }} {{ .c }} {{ .d }}', { a: 1_000_000, b: float(1_000_000), c: 9_007_199_254_740_993n, d: 0.5 }),
    '1000000 1e+06 9007199254740993 0.5',
  );
  assert.equal(render('{{ printf "%T %T %T" .a .b .c }}', { a: 1, b: 1.5, c: float(1) }), 'int float64 float64');
});

test('an error names the file, the line and the byte, as Go does', () => {
  const error = failure('first\né {{ .name.first }}', { name: 'x' });
  assert.equal(error.message, 'template: test:2:11: executing "test" at <.name.first>: can\'t evaluate field first in type interface {}');
  assert.deepEqual([error.code, error.exitCode, error.file, error.line, error.column], ['TEMPLATE_EXECUTE', 2, 'test', 2, 11]);
  const parse = failure('a\n{{ if }}');
  assert.deepEqual([parse.code, parse.line, parse.message], ['TEMPLATE_PARSE', 2, 'template: test:2: missing value for if']);
});

test('a range counts over an integer, and an else can be a with', () => {
  assert.equal(render('{{ range 3 }}{{ . }}{{ end }}{{ range $i := .n }}{{ $i }}{{ else }}none{{ end }}', { n: 0 }), '012none');
  assert.equal(render('{{ with .a }}{{ . }}{{ else with .b }}b={{ . }}{{ else }}neither{{ end }}', { b: 1 }), 'b=1');
  assert.match(failure('{{ range $i, $j := 3 }}{{ end }}').message, /can't use 3 to iterate over more than one variable/);
});

test('assigning in a range changes the outer variable', () => {
  assert.equal(render('{{ $x := 0 }}{{ range $x = .l }}{{ end }}{{ $x }}', { l: [1, 2] }), '2');
});

test('nothing of JavaScript can be reached', () => {
  const names = ['constructor', '__proto__', 'toString', 'hasOwnProperty', 'valueOf'];
  for (const name of names) {
    assert.equal(render(`{{ .${name} }}`), '<no value>');
    if (name !== 'toString') assert.match(failure(`{{ ${name} }}`).message, /function .* not defined/);
    assert.equal(render('{{ hasKey . .name }}{{ index . .name }}', { name }), 'false<no value>');
  }
  assert.match(failure('{{ .list.length }}', { list: [1] }).message, /can't evaluate field length/);
  assert.equal(render('{{ $d := dict "__proto__" (dict "x" 1) }}{{ $d.__proto__.x }}{{ (dict).x }}'), '1<no value>');
});

test('data that is not plain is refused', () => {
  const cyclic: Record<string, TemplateData> = {};
  cyclic['self'] = cyclic;
  assert.equal(failure('', cyclic).code, 'TEMPLATE_DATA');
  assert.equal(failure('', { when: new Date() as unknown as string }).code, 'TEMPLATE_DATA');
  assert.equal(failure('', { call: (() => 1) as unknown as string }).code, 'TEMPLATE_DATA');
  assert.equal(render('{{ .a.b }}', new Map([['a', new Map([['b', 1]])]])), '1');
  assert.equal(render('{{ .items }} {{ .float64 }}', { kind: 'list', items: [1], isNil: false, float64: 2 }), '[1] 2');
});

test('the environment is what the caller gives and nothing else', () => {
  process.env['TEMPLATE_TEST_SECRET'] = 'secret';
  assert.equal(render('[{{ env "TEMPLATE_TEST_SECRET" }}{{ expandenv "$TEMPLATE_TEST_SECRET" }}{{ env "PATH" }}]'), '[]');
  assert.equal(renderTemplate('{{ env "A" }}{{ expandenv "${A}$A-$B" }}', {}, { name: 't', env: { A: '1' } }), '111-');
  delete process.env['TEMPLATE_TEST_SECRET'];
});

test('a caller can add functions, and their failures carry the position', () => {
  const functions = {
    shout: fn(['string', '...any'], (text, rest) => `${text.toUpperCase()}${rest.length}`),
    broken: fn([], () => {
      throw new FunctionError('no luck');
    }),
    answer: fn([], () => int(42)),
  };
  const options = { name: 'own', functions };
  assert.equal(renderTemplate('{{ shout "a" 1 2 }} {{ answer }}', {}, options), 'A2 42');
  assert.throws(
    () => renderTemplate('{{ broken }}', {}, options),
    /template: own:1:3: executing "own" at <broken>: error calling broken: no luck/,
  );
  assert.throws(() => renderTemplate('{{ shout 1 }}', {}, options), /expected string; found 1/);
});

test('a mistake in a function of ours is not taken for an error of the template', () => {
  const functions = { bug: fn([], () => (undefined as unknown as { x: { y: string } }).x.y) };
  assert.throws(() => renderTemplate('{{ bug }}', {}, { name: 'own', functions }), TypeError);
});
