// Cases that need no host: what an image's labels mean, and what a build is made of.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { clusterImage, hostEnvironment, lifecycleScripts, renderTemplates, scriptLine, validateImages } from '@sealos/runtime';
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

interface Variant {
  readonly init: string;
  readonly clean: string;
  readonly initCri?: string;
  readonly cleanCri?: string;
  readonly env?: readonly string[];
  readonly auth?: string;
  /** The rootfs does not say which contract it keeps. */
  readonly isOfGeneration1?: boolean;
  /** The calls that `init`, `auth` and `clean` come to on a host, after those of `initCri`. */
  readonly calls: readonly string[];
}

const common = ['registryDomain=sealos.hub', 'registryPort=5000', 'registryUsername=admin', 'registryPassword=passw0rd'];

/** Label values of the published images (cluster-image-layout.md §1.1 and §1.5), on a host where criData is /data. */
const variants: Readonly<Record<string, Variant>> = {
  '2022': {
    init: 'init.sh $criData $registryDomain $registryPort $registryUsername $registryPassword',
    clean: 'clean.sh $criData',
    auth: 'auth.sh',
    isOfGeneration1: true,
    calls: ['init.sh /data sealos.hub 5000 admin passw0rd', 'auth.sh', 'clean.sh /data'],
  },
  'February 2023': {
    init: 'init-cri.sh && bash init.sh',
    clean: 'clean.sh',
    auth: 'auth.sh',
    calls: ['init-cri.sh', 'init.sh', 'auth.sh', 'clean.sh'],
  },
  containerd: {
    init: 'init-cri.sh $registryDomain $registryPort && bash init.sh',
    clean: 'clean.sh && bash clean-cri.sh $criData',
    calls: ['init-cri.sh sealos.hub 5000', 'init.sh', 'clean.sh', 'clean-cri.sh /data'],
  },
  docker: {
    init: 'init-cri.sh && bash init.sh',
    clean: 'clean.sh && bash clean-cri.sh $criData $criDockerdData',
    env: ['criDockerdData=/var/lib/cri-dockerd'],
    calls: ['init-cri.sh', 'init.sh', 'clean.sh', 'clean-cri.sh /data /var/lib/cri-dockerd'],
  },
  'cri-o': {
    init: 'init-cri.sh $registryDomain $registryPort $registryUsername $registryPassword && bash init.sh',
    clean: 'clean.sh && bash clean-cri.sh $criData',
    calls: ['init-cri.sh sealos.hub 5000 admin passw0rd', 'init.sh', 'clean.sh', 'clean-cri.sh /data'],
  },
  next: {
    init: 'init.sh',
    initCri: 'init-cri.sh $registryDomain $registryPort',
    clean: 'clean.sh $criData',
    cleanCri: 'clean-cri.sh $criData',
    calls: ['init-cri.sh sealos.hub 5000', 'init.sh', 'clean.sh /data', 'clean-cri.sh /data'],
  },
  merged: {
    init: 'init-runtime.sh && bash init-cri.sh && bash init.sh',
    clean: 'clean.sh && bash clean-cri.sh && bash clean-runtime.sh',
    calls: ['init-runtime.sh', 'init-cri.sh', 'init.sh', 'clean.sh', 'clean-cri.sh', 'clean-runtime.sh'],
  },
};

for (const [name, { init, clean, initCri, cleanCri, auth, isOfGeneration1 = false, env = [], calls }] of Object.entries(variants)) {
  test(`case 1: the labels of the published ${name} images come to the calls that their scripts expect`, () => {
    const { 'sealos.io.version': contract, ...generation1 } = rootfs;
    const labels = {
      ...generation1,
      ...(isOfGeneration1 ? {} : { 'sealos.io.version': contract }),
      ...{ init, clean, ...(auth && { auth }), ...(initCri && { 'init-cri': initCri }), ...(cleanCri && { 'clean-cri': cleanCri }) },
    };
    const read = image(labels, ['PATH=/bin', 'criData=/var/lib/containerd', ...common, ...env]);
    const scripts = lifecycleScripts([read]);
    const host = hostEnvironment({ image: read.env, host: new Map([['criData', '/data']]), roles: ['node'], sealosVersion: 'v5' });
    const directory = mkdtempSync(join(work, 'scripts-'));
    for (const script of new Set(calls.map((call) => call.split(' ')[0] ?? '')))
      writeFileSync(join(directory, script), `echo "\${0##*/} $*" | sed 's/ $//' >> calls\n`);
    for (const label of [scripts.initCri, scripts.init, scripts.auth, scripts.clean, scripts.cleanCri]) {
      if (label === undefined) continue;
      const { status } = spawnSync('bash', ['-s'], { input: scriptLine(label, host.env, directory).text });
      assert.equal(status, 0, label);
    }
    assert.deepEqual(readFileSync(join(directory, 'calls'), 'utf8').trim().split('\n'), calls);
  });
}

test('case 2: scripts that no label names have their usual names, those of the container runtime and the login are left out', () => {
  const scripts = lifecycleScripts([image({ ...rootfs, auth: '', 'init-cri': '' })]);
  assert.deepEqual(scripts, {
    check: 'check.sh',
    initRegistry: 'init-registry.sh',
    init: 'init.sh',
    clean: 'clean.sh',
    cleanRegistry: 'clean-registry.sh',
  });
});

test('case 2: a rootfs says v1beta1 or v1beta2, or is one of 2022 and says neither; what says another is refused', () => {
  for (const version of ['v1beta1', 'v1beta2']) assert.equal(image({ ...rootfs, 'sealos.io.version': version }).firstGeneration, false);
  const { 'sealos.io.version': _, ...generation1 } = rootfs;
  assert.deepEqual([image(generation1).kind, image(generation1).firstGeneration], ['rootfs', true]);
  assert.throws(() => image({ ...rootfs, 'sealos.io.version': 'v2' }), { message: /known are v1beta1 and v1beta2/, exitCode: 2 });
});

test('case 2: the labels of a k3s image are read whole, and the image is run', () => {
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
  validateImages([k3s], { newCluster: true });
});

for (const [version, isOld] of [
  ['v1.20.2', true],
  ['v1.26.15', true],
  ['v1.27.0', false],
  ['v1.33.4', false],
] as const) {
  test(`case 26: one template gives kubelet ${version} the flags that it knows`, () => {
    const path = 'etc/systemd/system/kubelet.service.d/10-kubeadm.conf.tmpl';
    const template = readFileSync(join(import.meta.dirname, 'rootfs', path));
    const { env } = hostEnvironment({ image: new Map(), roles: ['node'], kubeVersion: version, sealosVersion: 'v5' });
    const [file] = renderTemplates(new Map([[path, template]]), env, '/rootfs');
    assert.equal(/--container-runtime=remote --pod-infra-container-image=/.test(String(file?.content)), isOld);
  });
}

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
