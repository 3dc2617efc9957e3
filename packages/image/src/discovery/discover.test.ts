import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { formatReference } from '../reference.ts';
import { discoverImages } from './discover.ts';

let context = '';

beforeEach(() => {
  context = mkdtempSync(join(tmpdir(), 'sealos-discover-'));
});

afterEach(() => rmSync(context, { recursive: true, force: true }));

function write(path: string, text: string): void {
  mkdirSync(dirname(join(context, path)), { recursive: true });
  writeFileSync(join(context, path), text);
}

async function found(): Promise<Record<string, string>> {
  const { images } = await discoverImages(context);
  return Object.fromEntries(
    images.map(({ reference, where }) => [formatReference(reference), where.map(({ file, line }) => `${file}:${line}`).join(' ')]),
  );
}

test('lists under images/shim give one image a line, comments and blanks aside', async () => {
  write('images/shim/AnyName', '# the control plane\nregistry.k8s.io/pause:3.9\n\n  "nginx"\n');
  write('images/shim/more', 'quay.io/a/b:1@sha256:'.concat('0'.repeat(64), '\n'));
  assert.deepEqual(await found(), {
    'docker.io/library/nginx:latest': 'images/shim/AnyName:4',
    [`quay.io/a/b:1@sha256:${'0'.repeat(64)}`]: 'images/shim/more:1',
    'registry.k8s.io/pause:3.9': 'images/shim/AnyName:2',
  });
});

test('manifests are read as YAML: every container of every document, in flow style too', async () => {
  write(
    'manifests/deep/app.yaml',
    'kind: Deployment\nspec:\n  template:\n    spec:\n      initContainers:\n      - {name: a, image: "busybox:1"}\n      containers:\n      - image: >-\n          nginx:1.25\n---\nkind: Pod\nspec: {containers: [{image: nginx:1.25}]}\n',
  );
  assert.deepEqual(await found(), {
    'docker.io/library/busybox:1': 'manifests/deep/app.yaml:6',
    'docker.io/library/nginx:1.25': 'manifests/deep/app.yaml:8 manifests/deep/app.yaml:12',
  });
});

test("an API's schema that describes a field called image is no image", async () => {
  write(
    'manifests/crd.yaml',
    'kind: CustomResourceDefinition\nspec:\n  properties:\n    image:\n      type: string\n    containers:\n      image: a/b:1\n',
  );
  assert.deepEqual(await found(), { 'docker.io/a/b:1': 'manifests/crd.yaml:7' });
});

test('a manifest inside a ConfigMap is searched line by line', async () => {
  write('manifests/operator.yaml', 'kind: ConfigMap\ndata:\n  pod.yaml: |\n    kind: Pod\n    image: redis:7\n    image: <yours>\n');
  assert.deepEqual(await found(), { 'docker.io/library/redis:7': 'manifests/operator.yaml:5' });
  assert.deepEqual((await discoverImages(context)).warnings, []);
});

test('a tag in .sealignore also takes out the same tag with a digest', async () => {
  write('images/shim/list', `nginx:1@sha256:${'0'.repeat(64)}\n`);
  write('.sealignore', 'nginx:1\n');
  assert.deepEqual(await found(), {});
});

test('templates are searched line by line; what a template fills in is passed over without a word', async () => {
  write('manifests/x.yaml.tmpl', '{{ if .A }}\nimage: "redis:7" # the cache\n{{ end }}\n# image: no:1\n- image: {{ .image }}\n');
  assert.deepEqual(await found(), { 'docker.io/library/redis:7': 'manifests/x.yaml.tmpl:2' });
  assert.deepEqual((await discoverImages(context)).warnings, []);
});

test('.sealignore takes images out, and what is no image name is told with its place', async () => {
  write('images/shim/list', 'nginx:1\nredis:1\nNot An Image\n');
  write('.sealignore', '# not here\nnginx:1\n');
  write('charts/app/Chart.yaml', 'name: app\n');
  assert.deepEqual(await found(), { 'docker.io/library/redis:1': 'images/shim/list:2' });
  const { warnings } = await discoverImages(context);
  assert.match(warnings[0] ?? '', /^images\/shim\/list:3: 'Not An Image' is not an image name/);
  assert.match(warnings[1] ?? '', /^charts\/app: /);
});
