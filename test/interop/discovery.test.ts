// Which container images a context needs: against documents that Python's own YAML library wrote, and from the command line to a registry.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { discoverImages, familiarName, openStore } from '@sealos/image';
import { ensureInstalled } from '../../scripts/debian.ts';
import { type DockerRegistry, startDockerRegistry } from '../support/docker-registry.ts';
import { file, makeImage } from '../support/images.ts';
import { run } from '../support/programs.ts';

const sealos = join(dirname(dirname(import.meta.dirname)), 'sealos');
const work = mkdtempSync(join(tmpdir(), 'sealos-discovery-'));
const env = { ...process.env, SEALOS_STORAGE: join(work, 'store'), HOME: join(work, 'home') };
let registry: DockerRegistry;

function call(...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(sealos, args, { env, encoding: 'utf8', cwd: work, input: '' });
  return { status, stdout, stderr };
}

function context(name: string, files: Readonly<Record<string, string>>): string {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(work, name, path)), { recursive: true });
    writeFileSync(join(work, name, path), text);
  }
  return join(work, name);
}

before(async () => {
  ensureInstalled(['skopeo', 'python3-yaml']);
  mkdirSync(env.HOME);
  registry = await startDockerRegistry();
  await using store = await openStore(join(work, 'others'));
  for (const name of ['team/web:1', 'team/side:2', 'team/db:3']) {
    await makeImage(store, { name: `localhost/${name}`, layers: [[file('name', name)]], compression: 'gzip' });
    const to = `docker://${registry.address}/${name}`;
    await run('skopeo', ['copy', '--quiet', '--dest-tls-verify=false', `oci:${store.path}:localhost/${name}`, to]);
  }
});

after(async () => {
  await registry[Symbol.asyncDispose]();
  rmSync(work, { recursive: true, force: true });
});

test("images at known places in documents that Python's YAML library writes are found, each and no other", async () => {
  const written = join(work, 'generated');
  const program = join(import.meta.dirname, '../support/image-documents.py');
  const expected: Readonly<Record<string, readonly string[]>> = JSON.parse(
    await run('python3', [program, join(written, 'manifests'), '120']),
  );
  const found: Record<string, string[]> = {};
  for (const { reference, where } of (await discoverImages(written)).images) {
    for (const { file: path } of where) {
      const names = found[path.replace('manifests/', '')] ?? [];
      names.push(familiarName(reference));
      found[path.replace('manifests/', '')] = names;
    }
  }
  assert.equal(Object.keys(expected).length, 120);
  for (const [path, names] of Object.entries(expected)) {
    const text = readFileSync(join(written, 'manifests', path), 'utf8');
    assert.deepEqual([...new Set(found[path] ?? [])].sort(), [...new Set(names)].sort(), text);
  }
});

test('--list-images tells what is found where, needs no Kubefile and no network, and writes nothing', () => {
  const path = context('listed', {
    'manifests/web.yaml':
      'spec:\n  containers:\n  - image: registry.invalid/team/web:1\n    args: [--side-image=registry.invalid/team/side:2]\n',
    'images/shim/list': '# what else\nregistry.invalid/team/web:1\n',
    'images/skopeo/tar.txt': 'oci-archive:files/db.tar@team/db:3\n',
  });
  const table = call('build', '--list-images', path);
  assert.equal(table.status, 0, table.stderr);
  assert.deepEqual(
    table.stdout.split('\n').map((line) => line.split(/ {2,}/)),
    [
      ['IMAGE', 'FROM', 'FOUND IN'],
      ['registry.invalid/team/side:2', 'a guess', 'manifests/web.yaml:4'],
      ['registry.invalid/team/web:1', 'registry', 'images/shim/list:2, manifests/web.yaml:3'],
      ['team/db:3', 'files/db.tar', 'images/skopeo/tar.txt:1'],
      [''],
    ],
  );
  const json = JSON.parse(call('build', '--list-images', '-o', 'json', path).stdout);
  assert.deepEqual(
    json.images.map(({ image, guess }: { image: string; guess: boolean }) => [image, guess]),
    [
      ['registry.invalid/team/side:2', true],
      ['registry.invalid/team/web:1', false],
      ['docker.io/team/db:3', false],
    ],
  );
  assert.equal(json.images[2].archive, 'files/db.tar');
  assert.equal(call('build', '--list-images', '-q', path).stdout, 'registry.invalid/team/side:2\nregistry.invalid/team/web:1\nteam/db:3\n');
  assert.throws(() => readFileSync(join(path, 'registry')), { code: 'ENOENT' });
  assert.throws(() => readFileSync(env.SEALOS_STORAGE), { code: 'ENOENT' });
  const absent = call('build', '--list-images', join(work, 'absent'));
  assert.equal(absent.status, 2);
  assert.match(absent.stderr, /there is no directory/);
});

test('a guess that a registry has is saved; one that it does not have is a warning, and the build goes on', async () => {
  const path = context('guesses', {
    Kubefile: 'FROM scratch\nCOPY registry registry\n',
    'manifests/web.yaml': `spec:\n  containers:\n  - image: ${registry.address}/team/web:1\n    args: [--a-image=${registry.address}/team/side:2, --b-image=${registry.address}/team/none:1]\n`,
  });
  const result = call('build', '-t', 'localhost/guesses:1', path);
  assert.equal(result.status, 0, result.stderr);
  assert.match(result.stderr, /warning: manifests\/web\.yaml:4: \S+\/team\/none:1 looks like an image but is not saved: /);
  await using served = await startDockerRegistry({ directory: join(path, 'registry'), readonly: true });
  for (const name of ['team/web:1', 'team/side:2']) {
    await run('skopeo', ['inspect', '--tls-verify=false', `docker://${served.address}/${name}`]);
  }
});

test("a chart's images, and those of a packed chart in it, are saved by a build and served by a registry", async () => {
  const packing = context('packing', {
    'side/Chart.yaml': 'apiVersion: v2\nname: side\nversion: 1.0.0\nappVersion: "2"\n',
    'side/templates/pod.yaml':
      'kind: Pod\nspec:\n  containers:\n  - image: {{ printf "%s/team/%s:%s" .Values.global.imageRegistry .Chart.Name .Chart.AppVersion }}\n',
  });
  const path = context('charted', {
    Kubefile: 'FROM scratch\nCOPY . .\n',
    'charts/web/Chart.yaml':
      'apiVersion: v2\nname: web\nversion: 1.0.0\ndependencies:\n- {name: side, version: 1.0.0, condition: side.enabled}\n',
    'charts/web/values.yaml': 'image: {repository: team/web, tag: 1}\nside: {enabled: false}\n',
    'charts/web/templates/_helpers.tpl':
      '{{- define "web.image" -}}{{ .Values.global.imageRegistry }}/{{ .Values.image.repository }}:{{ .Values.image.tag }}{{- end -}}\n',
    'charts/web/templates/web.yaml': 'kind: Pod\nspec:\n  containers:\n  - image: {{ include "web.image" . | quote }}\n',
    'charts/web.values.yaml': `global: {imageRegistry: "${registry.address}"}\nside: {enabled: true}\n`,
  });
  mkdirSync(join(path, 'charts/web/charts'));
  await run('tar', ['-czf', join(path, 'charts/web/charts/side-1.0.0.tgz'), '-C', packing, 'side']);
  const result = call('build', '-t', 'localhost/charted:1', path);
  assert.equal(result.status, 0, result.stderr);
  assert.doesNotMatch(result.stderr, /warning/);
  await using served = await startDockerRegistry({ directory: join(path, 'registry'), readonly: true });
  for (const name of ['team/web:1', 'team/side:2']) {
    await run('skopeo', ['inspect', '--tls-verify=false', `docker://${served.address}/${name}`]);
  }
});

test('registry save saves what a context names, what flags name, what this machine has and what archives hold', async () => {
  const path = context('saved', { 'manifests/web.yaml': `spec:\n  containers:\n  - image: ${registry.address}/team/web:1\n` });
  {
    await using store = await openStore(env.SEALOS_STORAGE);
    await makeImage(store, { name: 'localhost/here:1', layers: [[file('here', 'x')]] });
  }
  const archive = join(work, 'db.tar');
  await run('skopeo', [
    'copy',
    '--quiet',
    '--src-tls-verify=false',
    `docker://${registry.address}/team/db:3`,
    `docker-archive:${archive}:any:1`,
  ]);
  const to = join(work, 'together');
  const flags = [
    '--registry-dir',
    to,
    '--arch',
    'amd64',
    '--max-pull-procs',
    '2',
    '--tars',
    `docker-archive:${archive}@example.org/from/tar:1`,
  ];
  const result = call(
    'registry',
    'save',
    ...flags,
    '--images',
    `${registry.address}/team/side:2,containers-storage:localhost/here:1`,
    path,
  );
  assert.equal(result.status, 0, result.stderr);
  assert.match(result.stdout, /^4 container images are saved in .*\/together\n$/);
  await using served = await startDockerRegistry({ directory: to, readonly: true });
  for (const name of ['team/web:1', 'team/side:2', 'here:1', 'from/tar:1']) {
    await run('skopeo', ['inspect', '--tls-verify=false', `docker://${served.address}/${name}`]);
  }
  const alone = call('registry', 'save', '--images', `${registry.address}/team/db:3`);
  assert.equal(alone.status, 0, alone.stderr);
  assert.equal(alone.stdout, 'one container image is saved in registry\n', 'the directory that it runs in is no context then');
});

test('what registry save cannot take is refused in one line before anything is written', () => {
  for (const [flags, why] of [
    [['--images', 'docker-daemon:nginx:1'], /is in Docker's own store, which cannot be read here/],
    [['--images', 'Not An Image'], /is not an image name/],
    [['--tars', 'web.tar'], /'web\.tar' is no archive/],
    [['absent'], /there is no directory absent/],
    [['--arch', 'a/b/c'], /./],
  ] as const) {
    const result = call('registry', 'save', '--registry-dir', join(work, 'refused'), ...flags);
    assert.equal(result.status, 2, flags.join(' '));
    assert.match(result.stderr, why);
  }
  assert.throws(() => readFileSync(join(work, 'refused')), { code: 'ENOENT' });
});
