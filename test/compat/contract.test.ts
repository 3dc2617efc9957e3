// Cases that need no host: what an image's labels mean, and what a build is made of.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { clusterImage, lifecycleScripts, validateImages } from '@sealos/runtime';
import { runProgram } from '../../scripts/cluster-images.ts';

const sealos = join(dirname(dirname(import.meta.dirname)), 'sealos');
let work = '';
before(() => {
  work = mkdtempSync(join(tmpdir(), 'sealos-compat-contract-'));
});
after(() => rmSync(work, { recursive: true }));

const rootfs = { 'sealos.io.type': 'rootfs', 'sealos.io.version': 'v1beta1', version: 'v1.24.0' };
const image = (Labels: Readonly<Record<string, string>>, Env: readonly string[] = []) =>
  clusterImage('labring/kubernetes:v1.24.0', {
    architecture: 'amd64',
    os: 'linux',
    rootfs: { type: 'layers', diff_ids: [] },
    config: { Labels, Env },
  });
const build = (context: string, ...args: readonly string[]) =>
  runProgram([sealos, 'build', '-t', 'localhost/test:1', ...args, context], {
    env: { SEALOS_STORAGE: join(work, 'store') },
    onLine: () => {},
  });

test('case 2: scripts that no label names have their usual names, those of the container runtime are left out, auth is never run', () => {
  const scripts = lifecycleScripts([image({ ...rootfs, auth: 'auth.sh', 'init-cri': '' })]);
  assert.deepEqual(scripts, {
    check: 'check.sh',
    initRegistry: 'init-registry.sh',
    init: 'init.sh',
    clean: 'clean.sh',
    cleanRegistry: 'clean-registry.sh',
  });
});

test('case 2: a rootfs says v1beta1 or v1beta2; the images of 2022, which say neither, are refused as sealos 5 refuses them', () => {
  for (const version of ['v1beta1', 'v1beta2']) assert.equal(image({ ...rootfs, 'sealos.io.version': version }).kind, 'rootfs');
  const { 'sealos.io.version': _, ...generation1 } = rootfs;
  assert.throws(() => image(generation1), { message: /needs label sealos\.io\.version=v1beta1 or v1beta2, it has none/, exitCode: 2 });
});

test('case 2: the labels of a k3s image are read whole, and the image is refused before any host is touched', () => {
  const k3s = image({
    'apps.sealos.io/type': 'rootfs',
    'apps.sealos.io/version': 'v1beta1',
    'apps.sealos.io/distribution': 'k3s',
    version: 'v1.24.0',
    init: 'init.sh',
    'init-cri': 'init-cri.sh',
    'clean-cri': 'clean-cri.sh',
  });
  assert.deepEqual(
    [k3s.kind, k3s.distribution, k3s.scripts.initCri, k3s.scripts.cleanCri],
    ['rootfs', 'k3s', 'init-cri.sh', 'clean-cri.sh'],
  );
  assert.throws(() => validateImages([k3s], { newCluster: true }), { message: /is a k3s image/, exitCode: 2 });
});

test('case 27: a Kubefile that copies registry fails where no container image is found', async () => {
  const context = join(mkdtempSync(join(work, 'context-')));
  writeFileSync(join(context, 'Kubefile'), 'FROM scratch\nCOPY registry registry\n');
  await assert.rejects(build(context), /registry/);
});

test('case 28: --isolation=chroot and the other flags of published pipelines are taken', async () => {
  const context = join(mkdtempSync(join(work, 'context-')));
  writeFileSync(join(context, 'Kubefile'), 'FROM scratch\nCMD ["true"]\n');
  await build(context, '--isolation=chroot', '--format=oci', '--save-image=false');
});

test('defect 25: where several build files lie in a context one alone is used', async () => {
  const context = join(mkdtempSync(join(work, 'context-')));
  for (const name of ['Kubefile', 'Dockerfile', 'Sealfile', 'Containerfile'])
    writeFileSync(join(context, name), `FROM scratch\nLABEL from.${name}=yes\n`);
  await build(context, '--save-image=false');
  const inspected = await runProgram([sealos, 'inspect', 'localhost/test:1'], {
    env: { SEALOS_STORAGE: join(work, 'store') },
    onLine: () => {},
  });
  assert.deepEqual(
    inspected.match(/from\.\w+/g)?.filter((label, index, all) => all.indexOf(label) === index),
    ['from.Kubefile'],
  );
});
