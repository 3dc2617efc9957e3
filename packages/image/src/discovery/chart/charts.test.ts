// Charts in the shapes of the public ones: helpers, loops, tpl, charts in charts, global registries; and charts of people who mean harm.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { familiarName } from '../../reference.ts';
import { discoverImages } from '../discover.ts';

let context = '';
let programs = '';
const path = process.env['PATH'];

before(() => {
  // Only what a test puts there is called helm.
  programs = mkdtempSync(join(tmpdir(), 'sealos-programs-'));
});

beforeEach(() => {
  process.env['PATH'] = programs;
  context = mkdtempSync(join(tmpdir(), 'sealos-charts-'));
});

afterEach(() => {
  process.env['PATH'] = path;
  rmSync(context, { recursive: true, force: true });
});

after(() => rmSync(programs, { recursive: true, force: true }));

type Files = Readonly<Record<string, string>>;

function write(files: Files, below = context): void {
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(below, file)), { recursive: true });
    writeFileSync(join(below, file), text);
  }
}

const chart = (name: string, more = '') => `apiVersion: v2\nname: ${name}\nversion: 1.0.0\n${more}`;

async function found(): Promise<readonly string[]> {
  const { images } = await discoverImages(context);
  return images.map(({ reference, isGuess }) => `${isGuess ? '?' : ''}${familiarName(reference)}`);
}

async function warnings(): Promise<readonly string[]> {
  return (await discoverImages(context)).warnings;
}

const pod = (image: string) => `kind: Pod\nspec:\n  containers:\n  - name: x\n    image: ${image}\n`;

/** Packs a directory as Helm does, with the system's tar. */
function pack(directory: string, name: string, to: string): void {
  execFileSync('/usr/bin/tar', ['-czf', to, '-C', directory, name], { env: { PATH: '/usr/bin:/bin' } });
}

test('values, the chart’s version as tag, helpers, and a place that says which template', async () => {
  write({
    'charts/web/Chart.yaml': chart('web', 'appVersion: 2.5.1\n'),
    'charts/web/values.yaml': 'image:\n  repository: quay.io/team/web\n  tag: ""\n  pullPolicy: Always\nreplicas: 2\n',
    'charts/web/templates/_helpers.tpl':
      '{{- define "web.name" -}}{{ default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}{{- end }}\n{{- define "web.labels" -}}\napp: {{ include "web.name" . }}\nversion: {{ .Chart.AppVersion | quote }}\n{{- end }}\n',
    'charts/web/templates/deployment.yaml':
      'kind: Deployment\nmetadata:\n  labels:\n    {{- include "web.labels" . | nindent 4 }}\nspec:\n  template:\n    spec:\n      {{- with .Values.pullSecrets }}\n      imagePullSecrets: {{ toYaml . | nindent 8 }}\n      {{- end }}\n      containers:\n      - image: "{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}"\n        imagePullPolicy: {{ .Values.image.pullPolicy }}\n',
    'charts/web/templates/NOTES.txt': 'image: not/this:1\n{{ fail "never" }}\n',
  });
  const { images, warnings: told } = await discoverImages(context);
  assert.deepEqual(told, []);
  assert.deepEqual(
    images.map(({ reference, where }) => [familiarName(reference), where]),
    [['quay.io/team/web:2.5.1', [{ file: 'charts/web/templates/deployment.yaml' }]]],
  );
});

test('printf, dictionaries for helpers, a library chart, and a registry for all (the shape of a large public collection)', async () => {
  write({
    'charts/db/Chart.yaml': chart('db', 'dependencies:\n- name: common\n  version: 1.x.x\n  repository: oci://example.org/charts\n'),
    'charts/db/charts/common/Chart.yaml': chart('common', 'type: library\n'),
    'charts/db/charts/common/templates/_images.tpl':
      '{{- define "common.image" -}}\n{{- $registry := .root.registry -}}\n{{- $sep := ":" -}}\n{{- $end := .root.tag | toString -}}\n{{- if .global }}{{- if .global.imageRegistry }}{{- $registry = .global.imageRegistry -}}{{- end -}}{{- end -}}\n{{- if .root.digest }}{{ $sep = "@" }}{{ $end = .root.digest | toString }}{{ end -}}\n{{- if $registry -}}{{- printf "%s/%s%s%s" $registry .root.repository $sep $end -}}{{- else -}}{{- printf "%s%s%s" .root.repository $sep $end -}}{{- end -}}\n{{- end -}}\n',
    'charts/db/charts/common/templates/none.yaml': pod('not/this:1'),
    'charts/db/values.yaml':
      'global:\n  imageRegistry: ""\nimage: {registry: docker.io, repository: team/db, tag: 16}\nmetrics:\n  enabled: true\n  image: {registry: quay.io, repository: team/exporter, tag: "0.15"}\n',
    'charts/db/templates/_h.tpl':
      '{{- define "db.image" -}}{{ include "common.image" (dict "root" .Values.image "global" .Values.global) }}{{- end -}}\n{{- define "db.metrics" -}}{{ include "common.image" (dict "root" .Values.metrics.image "global" .Values.global) }}{{- end -}}\n',
    'charts/db/templates/set.yaml':
      'kind: StatefulSet\nspec:\n  template:\n    spec:\n      containers:\n      - image: {{ template "db.image" . }}\n      {{- if .Values.metrics.enabled }}\n      - image: {{ include "db.metrics" . | quote }}\n      {{- end }}\n',
  });
  assert.deepEqual(await found(), ['team/db:16', 'quay.io/team/exporter:0.15']);
  write({ 'charts/db.values.yaml': 'global:\n  imageRegistry: mirror.example:5000\nmetrics: {enabled: false}\n' });
  assert.deepEqual(await found(), ['mirror.example:5000/team/db:16']);
  assert.deepEqual(await warnings(), []);
});

test('loops, tpl, files of the chart, what clusters can, and functions that look into a cluster', async () => {
  write({
    'charts/op/Chart.yaml': chart('op', 'appVersion: "3.0"\n'),
    'charts/op/values.yaml':
      'registry: ghcr.io/op\nimage: "{{ .Values.registry }}/main:{{ .Chart.AppVersion }}"\nagents:\n  a: {version: v1}\n  b: {version: v2}\nextra:\n- name: e\n  image: team/extra:9\n',
    'charts/op/conf/pods/one.yaml': pod('team/from-file:1'),
    'charts/op/conf/side.txt': 'team/side:4',
    'charts/op/templates/all.yaml':
      '{{- range $name, $agent := .Values.agents }}\n---\nkind: DaemonSet\nspec:\n  containers:\n  - image: {{ $.Values.registry }}/{{ $name }}:{{ $agent.version }}\n{{- end }}\n---\nspec:\n  containers:\n  - image: {{ tpl .Values.image . }}\n  - image: {{ .Files.Get "conf/side.txt" }}\n{{- toYaml .Values.extra | nindent 2 }}\n',
    'charts/op/templates/config.yaml': 'kind: ConfigMap\ndata:\n  {{- (.Files.Glob "conf/pods/*").AsConfig | nindent 2 }}\n',
    'charts/op/templates/when.yaml':
      '{{- if .Capabilities.APIVersions.Has "monitoring.coreos.com/v1" }}\nimage: not/this:1\n{{- end }}\n{{- if semverCompare ">=1.20-0" .Capabilities.KubeVersion.Version }}\n{{ $ca := genCA "op" 365 }}\n{{ $s := lookup "v1" "Secret" .Release.Namespace "op" }}\n{{ if not $s }}\nspec:\n  containers:\n  - image: team/new:{{ required "a tag is needed" .Values.tag | default "1" }}\n  - image: team/{{ .Release.Name }}:{{ .Capabilities.KubeVersion.Major }}\n{{ end }}\n{{- end }}\n',
    'charts/op/templates/refuses.yaml':
      '{{- if not .Values.password }}{{ fail "a password is needed" }}{{ end }}\nimage: team/refusing:1\n',
  });
  assert.deepEqual(await warnings(), []);
  assert.deepEqual(await found(), [
    'team/dryrun:1',
    'team/extra:9',
    'team/from-file:1',
    'team/new:1',
    'team/refusing:1',
    'team/side:4',
    'ghcr.io/op/a:v1',
    'ghcr.io/op/b:v2',
    'ghcr.io/op/main:3.0',
  ]);
});

test('charts in charts: conditions, tags, aliases, values that parents set, share and take over, and charts that are packed', async () => {
  const sub = (name: string): Files => ({
    [`${name}/Chart.yaml`]: chart(name),
    [`${name}/values.yaml`]: `tag: own\nexports:\n  shared: {taken: "${name}-taken"}\n`,
    [`${name}/templates/pod.yaml`]: pod(`{{ .Values.global.registry }}/${name}-{{ .Chart.Name }}:{{ .Values.tag | default "none" }}`),
  });
  const packing = mkdtempSync(join(context, 'packing-'));
  write(sub('packed'), packing);
  mkdirSync(join(context, 'charts/all/charts'), { recursive: true });
  pack(packing, 'packed', join(context, 'charts/all/charts/packed-1.0.0.tgz'));
  for (const name of ['kept', 'left', 'tagged', 'twice', 'by-hand', 'deep/charts/deeper']) {
    write(sub(name.replace(/.*\//, '')), join(context, 'charts/all/charts', dirname(name)));
  }
  write({
    'charts/all/charts/deep/Chart.yaml': chart('deep'),
    'charts/all/Chart.yaml': chart(
      'all',
      `dependencies:
- {name: kept, version: 1.0.0, condition: "kept.enabled", import-values: [shared]}
- {name: left, version: 1.0.0, condition: "nothing.here,left.enabled"}
- {name: tagged, version: 1.0.0, tags: [extras]}
- {name: twice, version: 1.0.0, alias: first}
- {name: twice, version: 1.0.0, alias: second}
- {name: packed, version: 1.0.0}
- {name: deep, version: 1.0.0}
`,
    ),
    'charts/all/values.yaml':
      'global: {registry: r.example}\ntags: {extras: false}\nkept: {enabled: true, tag: set}\nleft: {enabled: false}\nsecond: {tag: other}\ndeep: {deeper: {tag: deepest}}\n',
    'charts/all/templates/own.yaml': pod('team/{{ .Values.taken }}:1'),
  });
  const always = [
    'r.example/by-hand-by-hand:own',
    'r.example/deeper-deeper:deepest',
    'r.example/kept-kept:set',
    'r.example/packed-packed:own',
    'r.example/twice-first:own',
    'r.example/twice-second:other',
  ];
  assert.deepEqual(await warnings(), []);
  assert.deepEqual(await found(), ['team/kept-taken:1', ...always]);
  write({
    'charts/all.values.yaml':
      'tags: {extras: true}\nkept: {enabled: false}\nleft: {enabled: true, tag: null}\ntaken: given\nglobal: {registry: s.example}\n',
  });
  const mirrored = always.filter((name) => !name.includes('/kept-')).map((name) => name.replace('r.example', 's.example'));
  assert.deepEqual(await found(), ['team/given:1', ...[...mirrored, 's.example/left-left:none', 's.example/tagged-tagged:own'].sort()]);
});

test('a chart that another needs and does not carry is told, unless its condition is off', async () => {
  const needs = 'dependencies:\n- {name: absent, version: 1.0.0, condition: absent.enabled}\n';
  write({ 'charts/web/Chart.yaml': chart('web', needs), 'charts/web/templates/pod.yaml': pod('team/web:1') });
  assert.match((await warnings()).join('\n'), /^charts\/web: it needs the chart absent, which it does not carry/);
  write({ 'charts/web.values.yaml': 'absent: {enabled: false}\n' });
  assert.deepEqual(await warnings(), []);
});

test('a packed chart is read like a directory, and its values file is named after the chart', async () => {
  const packing = mkdtempSync(join(context, 'packing-'));
  write(
    {
      'web/Chart.yaml': chart('web'),
      'web/values.yaml': 'tag: one\n',
      'web/templates/pod.yaml': pod('team/web:{{ .Values.tag }}'),
    },
    packing,
  );
  mkdirSync(join(context, 'charts'));
  pack(packing, 'web', join(context, 'charts/web-1.0.0.tgz'));
  const { images } = await discoverImages(context);
  assert.deepEqual(
    images.map(({ reference, where }) => [familiarName(reference), where]),
    [['team/web:one', [{ file: 'charts/web-1.0.0.tgz/templates/pod.yaml' }]]],
  );
  write({ 'charts/web.values.yaml': 'tag: two\n' });
  assert.deepEqual(await found(), ['team/web:two']);
});

test('a template that cannot be rendered is told with file and line; the others are, and values stand in for it as guesses', async () => {
  write({
    'charts/half/Chart.yaml': chart('half', 'appVersion: 1.2.3\n'),
    'charts/half/values.yaml':
      'global: {imageRegistry: ""}\nimage: {registry: ghcr.io, repository: team/half, tag: ""}\nside: {image: quay.io/team/side, tag: 8}\nunused:\n  enabled: false\n  image: {repository: team/unused, tag: "1"}\n',
    'charts/half/templates/_bad.tpl': '{{- define "half.broken" -}}\n{{ index .Values.side "a" "b" }}\n{{- end -}}\n',
    'charts/half/templates/bad.yaml': 'x: {{ include "half.broken" . }}\n',
    'charts/half/templates/good.yaml': pod('team/good:1'),
    'charts/half/templates/unparsable.yaml': 'x: {{ if }}\n',
  });
  assert.deepEqual(await found(), ['team/good:1', '?ghcr.io/team/half:1.2.3', '?quay.io/team/side:8']);
  const told = await warnings();
  assert.match(told[1] ?? '', /^charts\/half\/templates\/bad\.yaml cannot be rendered.*half\/templates\/_bad\.tpl:2:/);
  assert.match(told[0] ?? '', /^charts\/half\/templates\/unparsable\.yaml cannot be rendered.*half\/templates\/unparsable\.yaml:1:/);
  assert.equal(told.length, 2);
});

test('what is no chart is told, and the others are read', async () => {
  write({
    'charts/good/Chart.yaml': chart('good'),
    'charts/good/templates/pod.yaml': pod('team/good:1'),
    'charts/empty/readme.md': 'nothing',
    'charts/bad/Chart.yaml': 'name: [\n',
    'charts/worse/Chart.yaml': chart('worse'),
    'charts/worse/values.yaml': '- a list\n',
    'charts/cut.tgz': 'not an archive',
    'charts/notes.txt': 'no chart at all',
    'charts/good.values.yaml': '- a list\n',
  });
  assert.deepEqual(await found(), []);
  rmSync(join(context, 'charts/good.values.yaml'));
  assert.deepEqual(await found(), ['team/good:1']);
  const told = (await warnings()).join('\n');
  for (const why of [
    /^charts\/empty: .*no Chart\.yaml/m,
    /^charts\/bad: .*Chart\.yaml cannot be read/m,
    /^charts\/worse: .*values\.yaml is not a map/m,
    /^charts\/cut\.tgz: /m,
  ]) {
    assert.match(told, why);
  }
});

test('packed charts cannot lead out, fill the memory, or go on for ever', async () => {
  const tar = (...args: readonly string[]) => execFileSync('/usr/bin/tar', args, { cwd: context, env: { PATH: '/usr/bin:/bin' } });
  mkdirSync(join(context, 'charts'));
  // Names and links that lead out: nothing is written, and no link is followed.
  write({ 'secret.yaml': pod('team/secret:1'), 'in/x/Chart.yaml': chart('x'), 'in/x/templates/pod.yaml': pod('team/inside:1') });
  symlinkSync(join(context, 'secret.yaml'), join(context, 'in/x/templates/linked.yaml'));
  tar('-czf', 'charts/out.tgz', '-P', '--transform=s,^in/y,../../y,', '-C', '.', 'in/x', '--transform=s,^in/,,', 'secret.yaml');
  assert.deepEqual(await found(), ['team/inside:1']);
  assert.deepEqual(readFileSync(join(context, 'secret.yaml'), 'utf8'), pod('team/secret:1'));
  // 80 MiB of nothing in 80 kB.
  writeFileSync(join(context, 'zeros'), Buffer.alloc(80 * 1024 * 1024));
  tar('-czf', 'charts/bomb.tgz', '--transform=s,^,bomb/,', 'zeros');
  rmSync(join(context, 'zeros'));
  const before = process.memoryUsage().rss;
  assert.match((await warnings()).join('\n'), /charts\/bomb\.tgz: no images are taken from this chart: it has more than 64 MiB of files/);
  assert.ok(process.memoryUsage().rss - before < 60 * 1024 * 1024);
  rmSync(join(context, 'charts/bomb.tgz'));
  // A chart in a chart in a chart …
  rmSync(join(context, 'in'), { recursive: true });
  write({ 'in/nest/Chart.yaml': chart('nest'), 'in/nest/templates/pod.yaml': pod('team/nested:1') });
  for (let depth = 0; depth < 8; depth++) {
    tar('-czf', 'nest.tgz', '-C', 'in', 'nest');
    mkdirSync(join(context, 'in/nest/charts'), { recursive: true });
    execFileSync('/usr/bin/mv', [join(context, 'nest.tgz'), join(context, 'in/nest/charts/nest.tgz')]);
  }
  tar('-czf', 'charts/nested.tgz', '-C', 'in', 'nest');
  assert.match((await warnings()).join('\n'), /charts\/nested\.tgz: .*more than 5 deep/);
  // Damaged in the middle.
  const whole = gzipSync(readFileSync(join(context, 'charts/out.tgz')));
  writeFileSync(join(context, 'charts/damaged.tgz'), whole.subarray(0, whole.length - 20));
  assert.match((await warnings()).join('\n'), /charts\/damaged\.tgz: no images are taken/);
});

test('templates that call themselves, loop without end or make endless texts are stopped, and the build goes on', async () => {
  const evil = [
    '{{ define "a" }}{{ include "a" . }}{{ end }}{{ include "a" . }}',
    '{{ define "b" }}{{ tpl "{{ include \\"b\\" . }}" . }}{{ end }}{{ include "b" . }}',
    '{{ repeat 1000000000 "x" }}',
    '{{ range until 100000000 }}x{{ end }}',
  ];
  for (const [number, text] of evil.entries()) {
    write({
      [`charts/evil${number}/Chart.yaml`]: chart(`evil${number}`),
      [`charts/evil${number}/values.yaml`]: `image: {repository: team/evil${number}, tag: "1"}\n`,
      [`charts/evil${number}/templates/one.yaml`]: text,
    });
  }
  assert.deepEqual(await found(), ['?team/evil0:1', '?team/evil1:1', '?team/evil2:1', '?team/evil3:1']);
  const told = await warnings();
  assert.equal(told.length, 4);
  for (const [number, warning] of told.entries())
    assert.ok(warning.startsWith(`charts/evil${number}/templates/one.yaml cannot be rendered`));
});

// A fake: helm is in no Debian package, so this proves how it is called and what becomes of what it prints, not what it prints.
test('a helm on PATH renders instead: with the release’s name, the values file, and its output by template', async () => {
  write({
    'charts/web/Chart.yaml': chart('web'),
    'charts/web/templates/pod.yaml': pod('team/not-asked:1'),
    'charts/web.values.yaml': 'a: 1\n',
  });
  const fake = join(programs, 'helm');
  writeFileSync(
    fake,
    `#!/bin/sh\nprintf '%s\\n' "$@" > '${context}/arguments'\nprintf -- '---\\n# Source: web/charts/in/templates/set.yaml\\nspec:\\n  containers:\\n  - image: team/by-helm:1\\n'\n`,
  );
  chmodSync(fake, 0o755);
  try {
    const { images, warnings: none } = await discoverImages(context);
    assert.deepEqual(none, []);
    assert.deepEqual(
      images.map(({ reference, where }) => [familiarName(reference), where]),
      [['team/by-helm:1', [{ file: 'charts/web/charts/in/templates/set.yaml' }]]],
    );
    assert.deepEqual(readFileSync(join(context, 'arguments'), 'utf8').trim().split('\n'), [
      'template',
      'dryrun',
      join(context, 'charts/web'),
      '--values',
      join(context, 'charts/web.values.yaml'),
    ]);
    writeFileSync(fake, '#!/bin/sh\necho "Error: a value is missing" >&2\nexit 1\n');
    assert.deepEqual(await found(), ['team/not-asked:1']);
    assert.match(
      (await warnings())[0] ?? '',
      /^charts\/web: helm cannot render it \(Error: a value is missing\), so it is rendered without helm$/,
    );
  } finally {
    rmSync(fake);
  }
});
