import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
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

test('.sealignore: comments, blanks and quotes; a tag, all tags, patterns; archives too; what is no name is told', async () => {
  write(
    'images/shim/list',
    ['a/one:1', 'a/one:2', 'a/two:1', 'quay.io/b/x:1', 'quay.io/b/deep/x:1', 'nginx:1', 'redis:1', 'kept:1'].join('\n'),
  );
  write('images/skopeo/tar.txt', 'oci-archive:f.tar@a/archived:1\n');
  write(
    '.sealignore',
    '\uFEFF# comment\r\n\r\n  "a/one:1"  # not this tag\r\na/two\r\nquay.io/b/*\r\n\'docker.io/library/nginx:1\'\r\nred*\r\na/archived\r\nNo Name\r\n',
  );
  assert.deepEqual(Object.keys(await found()), ['docker.io/a/one:2', 'docker.io/library/kept:1', 'quay.io/b/deep/x:1']);
  const { archives, warnings } = await discoverImages(context);
  assert.deepEqual(archives, []);
  assert.deepEqual(warnings, [".sealignore:9: 'No Name' is not an image name, it leaves nothing out"]);
  write('.sealignore', '**/x:1\nquay.io/b/deep/x@sha256:0\n');
  assert.ok(!Object.keys(await found()).some((name) => name.endsWith('/x:1')));
});

test('a kustomization gives the new name, tag or digest; the old image stays as a guess', async () => {
  write('manifests/base/web.yaml', 'containers:\n- image: nginx:1.0\n- image: a/moved:5\n- image: a/pinned:1\n- image: a/other:1\n');
  write(
    'manifests/kustomization.yaml',
    `resources: [base]\nimages:\n- name: nginx\n  newTag: "1.27"\n- name: a/moved\n  newName: mirror.example/a/moved\n- name: a/pinned\n  digest: sha256:${'1'.repeat(64)}\n- name: not/here\n  newName: x.example/here\n  newTag: v1\n`,
  );
  const { images } = await discoverImages(context);
  assert.deepEqual(
    images.map(({ reference, isGuess }) => `${isGuess ? '?' : ''}${formatReference(reference)}`),
    [
      '?docker.io/a/moved:5',
      'docker.io/a/other:1',
      '?docker.io/a/pinned:1',
      `docker.io/a/pinned@sha256:${'1'.repeat(64)}`,
      '?docker.io/library/nginx:1.0',
      'docker.io/library/nginx:1.27',
      'mirror.example/a/moved:5',
      'x.example/here:v1',
    ],
  );
});

test('JSON files and links inside the context are read; links that lead out are not, nor is what is no manifest', async () => {
  write('deploy/app.yaml', 'containers: [{image: a/linked:1}]\n');
  write('manifests/pod.JSON', '{"containers": [{"image": "a/json:1"}]}');
  write('manifests/readme.md', 'image: a/readme:1\n');
  symlinkSync('../deploy', join(context, 'manifests/all'));
  symlinkSync('../deploy/app.yaml', join(context, 'manifests/one.yaml'));
  symlinkSync('..', join(context, 'manifests/up'));
  symlinkSync('/etc/hostname', join(context, 'manifests/out.yaml'));
  symlinkSync('nowhere', join(context, 'manifests/dangling.yaml'));
  assert.deepEqual(Object.keys(await found()), ['docker.io/a/json:1', 'docker.io/a/linked:1']);
});

test('what is certain in one place is certain; in Docker’s own store nothing can be read', async () => {
  write('manifests/a.yaml', 'containers:\n- image: a/b:1\n  args: [--x-image=a/b:1, --y-image=c/d:1]\n');
  write('images/shim/list', 'docker-daemon:e/f:1\ncontainers-storage:g/h:1\n');
  const { images, warnings } = await discoverImages(context);
  assert.deepEqual(
    images.map(({ reference: { repository }, isGuess, from }) => [repository, isGuess, from]),
    [
      ['a/b', false, 'registry'],
      ['c/d', true, 'registry'],
      ['g/h', false, 'store'],
    ],
  );
  assert.match(warnings.join('\n'), /^images\/shim\/list:1: docker-daemon:e\/f:1 is in Docker's own store/);
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
