// `sealos build` from the command line to an image whose saved images a real registry serves.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { openImage, openStore, parseReference, unpackImage } from '@sealos/image';
import { ensureInstalled } from '../../scripts/debian.ts';
import { type DockerRegistry, startDockerRegistry } from '../support/docker-registry.ts';
import { file, makeImage } from '../support/images.ts';
import { run } from '../support/programs.ts';

const sealos = join(dirname(dirname(import.meta.dirname)), 'sealos');
const work = mkdtempSync(join(tmpdir(), 'sealos-build-command-'));
const env = { ...process.env, SEALOS_STORAGE: join(work, 'store'), HOME: join(work, 'home'), FROM_ENVIRONMENT: 'here' };
let registry: DockerRegistry;

function call(...args: readonly string[]) {
  const result = spawnSync(sealos, args, { env, encoding: 'utf8', cwd: work, input: '' });
  return { status: result.status, stdout: result.stdout, stderr: result.stderr };
}

function context(name: string, files: Readonly<Record<string, string>>): string {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(work, name, path)), { recursive: true });
    writeFileSync(join(work, name, path), text);
  }
  return join(work, name);
}

async function configOf(name: string) {
  await using store = await openStore(env.SEALOS_STORAGE);
  return (await openImage(store, parseReference(name))).config;
}

before(async () => {
  ensureInstalled(['skopeo']);
  mkdirSync(env.HOME);
  registry = await startDockerRegistry();
  await using store = await openStore(join(work, 'others'));
  for (const name of ['team/web:1', 'team/db:2', 'team/not-wanted:1', 'base/rootfs:1']) {
    await makeImage(store, {
      name: `localhost/${name}`,
      layers: [[file('name', name)], [file('shared', 'in all')]],
      compression: 'gzip',
      config: { Env: ['A=base'], Labels: { 'sealos.io.type': 'rootfs' } },
    });
    const to = `docker://${registry.address}/${name}`;
    await run('skopeo', ['copy', '--quiet', '--dest-tls-verify=false', `oci:${store.path}:localhost/${name}`, to]);
  }
});

after(async () => {
  await registry[Symbol.asyncDispose]();
  rmSync(work, { recursive: true, force: true });
});

test('the images that a context names are saved, copied into the image, and served by a registry', async () => {
  const path = context('app', {
    Kubefile:
      'FROM scratch\nENV NAME=${NAME:-"web"}\nCOPY manifests manifests\nCOPY registry registry\nCMD ["kubectl apply -f manifests"]\n',
    'images/shim/list': `# more\n${registry.address}/team/db:2\n${registry.address}/team/not-wanted:1\n`,
    'manifests/web.yaml': `kind: Pod\nspec:\n  containers:\n  - image: ${registry.address}/team/web:1\n`,
    '.sealignore': `${registry.address}/team/not-wanted:1\n`,
  });
  const result = call('build', '-t', 'localhost/app:1', '-t', 'localhost/app:latest', path);
  assert.equal(result.status, 0, result.stderr);
  assert.match(result.stdout, /^localhost\/app:1 is sha256:[0-9a-f]{64}\nlocalhost\/app:latest is sha256:[0-9a-f]{64}\n$/);
  await using store = await openStore(env.SEALOS_STORAGE);
  await unpackImage(store, await openImage(store, parseReference('localhost/app:1')), join(work, 'unpacked'));
  await using served = await startDockerRegistry({ directory: join(work, 'unpacked', 'registry'), readonly: true });
  for (const name of ['team/web:1', 'team/db:2']) {
    const from = `docker://${served.address}/${name}`;
    await run('skopeo', ['copy', '--quiet', '--src-tls-verify=false', from, `oci:${join(work, 'copied')}:x`]);
  }
  await assert.rejects(run('skopeo', ['inspect', '--tls-verify=false', `docker://${served.address}/team/not-wanted:1`]));

  const again = call('build', '-q', '-t', 'localhost/app:1', path);
  assert.equal(again.status, 0, again.stderr);
  assert.match(result.stdout, new RegExp(again.stdout.trim()), 'an unchanged rebuild is the same image');
});

test('the base image comes from its registry, and flags are over the file', async () => {
  const path = context('derived', { Kubefile: `ARG B=none\nFROM ${registry.address}/base/rootfs:1\nARG B\nENV B=$B C=$A\nLABEL l=file\n` });
  const flags = ['--build-arg', 'B=given', '--env', 'D=x=y', '--env', 'FROM_ENVIRONMENT', '--label', 'l=flag', '--label=m=1'];
  const result = call('build', '-q', '-t', 'localhost/derived:1', ...flags, path);
  assert.equal(result.status, 0, result.stderr);
  const { config } = await configOf('localhost/derived:1');
  assert.deepEqual(
    config?.Env?.filter((pair) => !pair.startsWith('PATH=')),
    ['A=base', 'B=given', 'C=base', 'D=x=y', 'FROM_ENVIRONMENT=here'],
  );
  assert.deepEqual(config?.Labels, { 'sealos.io.type': 'rootfs', l: 'flag', m: '1' });
});

test('images that are saved but not copied, charts and build arguments that nobody takes are told', () => {
  const path = context('warned', {
    Kubefile: 'FROM scratch\n',
    'images/shim/list': `${registry.address}/team/db:2\n`,
    'charts/web/Chart.yaml': 'name: web\n',
  });
  const result = call('build', '--build-arg', 'X=1', '-t', 'localhost/warned:1', path);
  assert.equal(result.status, 0, result.stderr);
  assert.match(result.stderr, /warning: charts\/web: /);
  assert.match(result.stderr, /warning: --build-arg X: no ARG in Kubefile declares it/);
  assert.match(result.stderr, /warning: one container image was saved into registry\/, but no COPY takes them along/);
});

test('container images also come from archives of the context, and from the store of this machine', async () => {
  const path = context('archives', {
    Kubefile: 'FROM scratch\nCOPY registry registry\n',
    'images/shim/list': 'containers-storage:localhost/here:1\n',
    'images/skopeo/tar.txt': 'docker-archive:files/web.tar@example.org/from/docker:1\noci-archive:files/db.tar@example.org/from/oci:1\n',
    'files/none': '',
  });
  {
    await using store = await openStore(env.SEALOS_STORAGE);
    await makeImage(store, { name: 'localhost/here:1', layers: [[file('here', 'x')]] });
  }
  const from = (name: string) => ['copy', '--quiet', '--src-tls-verify=false', `docker://${registry.address}/team/${name}`];
  await run('skopeo', [...from('web:1'), `docker-archive:${path}/files/web.tar:some/name:1`]);
  await run('skopeo', [...from('db:2'), `oci-archive:${path}/files/db.tar:x`]);
  const result = call('build', '-q', '-t', 'localhost/archives:1', path);
  assert.equal(result.status, 0, result.stderr);
  assert.equal(result.stderr, '');
  await using served = await startDockerRegistry({ directory: join(path, 'registry'), readonly: true });
  for (const name of ['here:1', 'from/docker:1', 'from/oci:1']) {
    const source = `docker://${served.address}/${name}`;
    await run('skopeo', ['copy', '--quiet', '--src-tls-verify=false', source, `oci:${join(work, 'copied')}:y`]);
  }
  writeFileSync(join(path, 'images/skopeo/tar.txt'), 'oci-archive:../out.tar@a/b:1\n');
  const refused = call('build', '-t', 'localhost/archives:2', path);
  assert.equal(refused.status, 2);
  assert.match(refused.stderr, /images\/skopeo\/tar.txt:1: '..\/out.tar' is outside of the context/);
});

test('without saving, nothing is asked of a registry and nothing written into the context', () => {
  const path = context('unsaved', { Kubefile: 'FROM scratch\n', 'images/shim/list': 'registry.invalid/a/b:1\n' });
  const result = call('build', '--save-image=false', '-t', 'localhost/unsaved:1', path);
  assert.equal(result.status, 0, result.stderr);
  assert.throws(() => readFileSync(join(path, 'registry')), { code: 'ENOENT' });
});

test('an image that is not there stops the build before anything is written', () => {
  const path = context('absent', {
    Kubefile: 'FROM scratch\nCOPY registry registry\n',
    'images/shim/list': `${registry.address}/team/absent:1\n`,
  });
  const result = call('build', '-t', 'localhost/absent:1', path);
  assert.equal(result.status, 2, result.stderr);
  assert.match(result.stderr, /team\/absent:1/);
  assert.throws(() => readFileSync(join(path, 'registry')), { code: 'ENOENT' });
  assert.equal(call('inspect', 'localhost/absent:1').status, 2);
});

test('scripts that were made for upstream and buildah find their flags', () => {
  const path = context('scripted', { Dockerfile: 'FROM scratch\nCOPY . .\n' });
  for (const flags of [
    ['--isolation=chroot', '--platform', 'linux/arm64', '-f', join(path, 'Dockerfile')],
    ['-m', '3', '--max-pull-procs=2', '--all', '--debug', '--compression', 'gzip'],
    ['--label=sealos.io.type=patch', '--pull', '--timestamp', '0'],
  ]) {
    const result = call('build', '-t', 'localhost/scripted:1', ...flags, path);
    assert.equal(result.status, 0, `${flags.join(' ')}: ${result.stderr}`);
  }
  assert.equal(call('bud', '-t', 'localhost/scripted:2', path).status, 0);
});

test('flags of builders that scripts know: stages, platforms in an index, secrets, digests, policies, standard input', () => {
  const path = context('flags', {
    Kubefile:
      'FROM scratch AS one\nLABEL stage=one\nARG TARGETARCH\nENV ARCH=$TARGETARCH A=$GIVEN\nARG GIVEN\nENV G=$GIVEN\nFROM one\nLABEL stage=two\nCOPY . /\n',
    arguments: '# of the build\nGIVEN=from a file\n',
    ignore: 'Kubefile\n',
  });
  const build = (...args: readonly string[]) => {
    const result = call('build', '--save-image=false', ...args, path);
    assert.equal(result.status, 0, result.stderr);
    return result;
  };
  const iid = join(work, 'iid');
  const first = build('-q', '--target', 'one', '--build-arg-file', join(path, 'arguments'), '--iidfile', iid, '-t', 'localhost/flags:1');
  assert.equal(readFileSync(iid, 'utf8'), first.stdout.trim());
  const labels = (name: string) => JSON.parse(call('inspect', name).stdout).OCIv1.config;
  assert.equal(labels('localhost/flags:1').Labels.stage, 'one');
  assert.ok(labels('localhost/flags:1').Env.includes('G=from a file'));
  build(
    '--ignorefile',
    join(path, 'ignore'),
    '--annotation',
    'a=b',
    '--squash',
    '--pull=never',
    '--network=none',
    '--jobs',
    '2',
    '-t',
    'localhost/flags:2',
  );
  assert.match(
    build('-t', 'localhost/flags:2', '--ignorefile', join(path, 'ignore')).stderr,
    /COPY \. \/ {2}unchanged\nevery layer is that of an earlier build/,
  );
  build('--platform', 'linux/amd64,linux/arm64', '--manifest', 'localhost/many:1', '-t', 'localhost/many:2');
  const listed = JSON.parse(
    spawnSync('skopeo', ['inspect', '--raw', `oci:${env.SEALOS_STORAGE}:localhost/many:2`], { encoding: 'utf8' }).stdout,
  );
  assert.deepEqual(
    listed.manifests.map(({ platform }: { platform: { architecture: string } }) => platform.architecture),
    ['amd64', 'arm64'],
  );
  const piped = spawnSync(sealos, ['build', '-q', '-f', '-', path], {
    env,
    encoding: 'utf8',
    cwd: work,
    input: 'FROM scratch\nLABEL from=stdin\n',
  });
  assert.equal(piped.status, 0, piped.stderr);
  for (const wrong of [
    ['--secret', 'src=x'],
    ['--target', 'three'],
    ['--pull=sometimes'],
    ['--format', 'rpm'],
    ['--build-arg-file', 'absent'],
  ]) {
    assert.equal(call('build', ...wrong, path).status, 2, wrong.join(' '));
  }
  const absent = context('absent-base', { Kubefile: 'FROM registry.invalid/a/b:1\n' });
  assert.match(call('build', '--pull-never', absent).stderr, /Kubefile:1: FROM registry\.invalid\/a\/b:1: there is no image/);
});
