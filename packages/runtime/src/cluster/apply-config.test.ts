import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyConfig, configsFor, configsOf, imageWithConfigs } from './apply-config.ts';
import type { Config } from './cluster.ts';
import { parseConfigFile } from './clusterfile.ts';

const config = (strategy: Config['strategy'], data: string, rest: Partial<Config> = {}): Config => ({
  name: 'c',
  match: '',
  path: 'etc/a.yaml',
  strategy,
  data,
  ...rest,
});

const applied = (one: Config, current: string | undefined) =>
  Buffer.from(applyConfig(one, current === undefined ? undefined : Buffer.from(current))).toString();

test('a Config is for the image that it names exactly, or for all', () => {
  const named = config('override', '', { match: 'labring/calico:v3' });
  assert.equal(configsFor([named, config('append', '')], 'labring/calico:v3').length, 2);
  for (const other of ['labring/calico:v4', 'docker.io/labring/calico:v3'])
    assert.equal(configsFor([named, config('append', '')], other).length, 1);
});

test('override, insert and append do with bytes what they say, and make what is not there', () => {
  assert.equal(applied(config('override', 'new'), 'old'), 'new');
  assert.equal(applied(config('insert', 'new'), 'old'), 'new\nold');
  assert.equal(applied(config('append', 'new'), 'old'), 'old\nnew');
  for (const strategy of ['override', 'insert', 'append', 'merge'] as const)
    assert.equal(applied(config(strategy, 'a: 1\n'), undefined), 'a: 1\n');
  assert.deepEqual([...applyConfig(config('append', 'x'), Buffer.of(0xff, 0))], [0xff, 0, 10, 120]);
});

test('merge lays a map over every document, lists replaced, empty values too, new members at the end', () => {
  assert.equal(
    applied(config('merge', 'a: {x: "", w: [3], z: null}\nb: 9\n'), 'a: {x: 1, w: [1, 2]}\n---\nb: 2\n---\n'),
    'a: { x: "", w: [ 3 ], z: null }\nb: 9\n---\nb: 9\na:\n  x: ""\n  w:\n    - 3\n  z: null\n---\n\n',
  );
  assert.equal(applied(config('merge', 'a: 1\n'), '# nothing\n'), 'a: 1\n');
  assert.equal(applied(config('merge', 'a: {}\nb: []\n'), 'a: {x: 1}\nb: [1]\n'), 'a: { x: 1 }\nb: []\n');
});

test('what a merge does not touch keeps its comments and its spelling', () => {
  const values = `# the chart's values
image:
  tag: 1.10 # quoted by nobody
  mode: 0644
  big: 12345678901234567890
  on: yes
port: 80 # of the server
text: |
  several
  lines
`;
  assert.equal(applied(config('merge', 'port: 8080\n'), values), values.replace('port: 80 #', 'port: 8080 #'));
});

test('a merge changes one place, not those that refer to it', () => {
  assert.equal(
    applied(config('merge', 'b: {y: 9}\nc: {x: 8}\n'), 'a: &a {x: 1}\nb: *a\nc: {<<: *a}\n'),
    'a:\n  x: 1\nb:\n  x: 1\n  y: 9\nc:\n  x: 8\n',
  );
});

test('a merge that cannot be is refused, with the Config, the path and the key', () => {
  const refused = (data: string, current: string, message: string | RegExp) =>
    assert.throws(() => applied(config('merge', data), current), { message, exitCode: 2 });
  refused('a: 1', 'a: {b: 1}', "Config c: etc/a.yaml: 'a' is a map in the image, and a single value in the data");
  refused('a: {b: 1}', 'a: 1', "Config c: etc/a.yaml: 'a' is a single value in the image, and a map in the data");
  refused('a: [1]', 'a: {}', "Config c: etc/a.yaml: 'a' is a map in the image, and a list in the data");
  refused('x: {a: 1}', 'x: {a: [1]}', "Config c: etc/a.yaml: 'a' is a list in the image, and a single value in the data");
  refused('a: 1\n---\nb: 2', 'a: 1', 'Config c, data: more than one YAML document');
  refused('- 1', 'a: 1', 'Config c: data to merge is one YAML map');
  refused('', 'a: 1', 'Config c: data to merge is one YAML map');
  refused('a: 1', '- 1', /^etc\/a\.yaml:1: document 1 is not a map$/);
  refused('a: 1', '{{ if .x }}\na: 1\n', /^etc\/a\.yaml:\d+: document 1: /);
  assert.throws(() => applyConfig(config('merge', 'a: 1', { name: '' }), Buffer.of(0xff)), {
    message: 'a Config without a name: etc/a.yaml is not text in UTF-8 and cannot be merged',
  });
});

test("an image's own config.yml comes first, a Clusterfile's Config of its name in its place, the last of a name counts", () => {
  const own = [
    config('merge', '1', { name: 'values' }),
    config('append', '2', { name: 'other' }),
    config('append', '3', { name: 'x', match: 'b' }),
  ];
  const given = [
    config('override', '4', { name: 'more' }),
    config('override', '5', { name: 'values', match: 'a' }),
    config('override', '6', { name: 'other', match: 'b' }),
    config('override', '7', { name: 'more' }),
  ];
  assert.deepEqual(
    configsOf('a', own, given).map(({ data }) => data),
    ['2', '5', '7'],
  );
});

test('several Configs change one file one after the other; files without one are left alone', () => {
  const files = new Map([
    ['etc/a.yaml', Buffer.from('a: 1\n')],
    ['etc/b', Buffer.from('b')],
  ]);
  const changed = imageWithConfigs(files, [
    config('merge', 'b: 2\n'),
    config('append', '# end', { path: 'etc/a.yaml' }),
    config('insert', 'x', { path: 'etc/new' }),
  ]);
  assert.deepEqual(
    [...changed].map(([path, content]) => [path, Buffer.from(content).toString()]),
    [
      ['etc/a.yaml', 'a: 1\nb: 2\n\n# end'],
      ['etc/new', 'x'],
    ],
  );
});

for (const [path, message] of [
  ['/etc/passwd', "path '/etc/passwd' leaves the image"],
  ['../x', "path '../x' leaves the image"],
  ['etc/../../x', "path 'etc/../../x' leaves the image"],
  ['etc/a/', "path 'etc/a/' is not a file's"],
  ['./', "path './' is not a file's"],
  ['"etc/a\\nb"', "path 'etc/a?b' is not a file's"],
  ['"etc/a\\0"', "path 'etc/a?' is not a file's"],
  ['./registry/docker/x', "path './registry/docker/x' lies among the container images"],
] as const) {
  test(`a Config for ${path} is refused`, () => {
    const text = `apiVersion: apps.sealos.io/v1beta1\nkind: Config\nspec:\n  path: ${path}\n`;
    assert.throws(() => parseConfigFile(text, { name: 'config.yml' }), { message: `config.yml:4: document 1: ${message}`, exitCode: 2 });
  });
}

test('a path is known by its plain spelling', () => {
  const text = 'apiVersion: apps.sealos.io/v1beta1\nkind: Config\nspec: {path: ./etc//x.tmpl, strategy: whatever}\n';
  const [only] = parseConfigFile(text, { name: 'config.yml' }).configs;
  assert.deepEqual(only, { name: '', match: '', path: 'etc/x.tmpl', strategy: 'override', data: '' });
});
