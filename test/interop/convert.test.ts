// Offline packages of sealos 1 to 3, made here by tar after their documents, become cluster images.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import {
  convertPackage,
  openImage,
  openSavedRegistry,
  openStore,
  parseReference,
  type Store,
  unpackImage,
} from '../../packages/image/src/index.ts';
import { clusterImage, parseKubeadmDocuments } from '../../packages/runtime/src/index.ts';
import { withDirectory } from '../support/images.ts';
import { makePackage, PACKAGE_IMAGES, type PackageChange } from '../support/offline-package.ts';

const run = promisify(execFile);

async function withPackage(change: PackageChange, use: (store: Store, file: string, work: string) => Promise<void>): Promise<void> {
  await withDirectory(async (work) => {
    await using store = await openStore(join(work, 'store'));
    await use(store, await makePackage(work, change), work);
  });
}

const NAME = 'localhost/kubernetes-of-old:v1.22.0';
const convert = (store: Store, file: string, more: object = {}) => convertPackage(store, file, { name: NAME, ...more });
const refuses = (store: Store, file: string, code: string, message: RegExp, more: object = {}) =>
  assert.rejects(convert(store, file, more), (error: unknown) => {
    assert.ok(error instanceof Error && 'code' in error && 'exitCode' in error);
    assert.equal(error.code, code);
    assert.equal(error.exitCode, 2);
    assert.match(error.message, message);
    return true;
  });

test('an offline package becomes a rootfs image that says which Kubernetes it is', async () => {
  await withPackage({}, async (store, file) => {
    const converted = await convert(store, file);
    assert.equal(converted.version, 'v1.22.0');
    assert.deepEqual([...converted.images].sort(), ['fanux/lvscare:latest', 'k8s.gcr.io/kube-apiserver:v1.22.0', 'k8s.gcr.io/pause:3.5']);
    const image = await openImage(store, parseReference(NAME));
    assert.equal(image.config.architecture, 'amd64');
    const contract = clusterImage(NAME, image.config);
    assert.equal(contract.kind, 'rootfs');
    assert.equal(contract.version, 'v1.22.0');
    assert.equal(contract.vip, '10.103.97.2');
    assert.equal(contract.lvscareImage, 'fanux/lvscare:latest');
    assert.equal(contract.env.get('SEALOS_SYS_CRI_ENDPOINT'), '/var/run/dockershim.sock');
    assert.match(contract.commands.join(), /kubectl .*apply -f conf\/net\/calico\.yaml/);
  });
});

test("the package's container images are in the image's registry", async () => {
  await withPackage({}, async (store, file, work) => {
    await convert(store, file);
    await unpackImage(store, await openImage(store, parseReference(NAME)), join(work, 'rootfs'));
    await using registry = openSavedRegistry(join(work, 'rootfs', 'registry'));
    for (const name of PACKAGE_IMAGES) {
      const image = await openImage(registry, parseReference(name));
      assert.equal(image.layers.length, 1);
    }
  });
});

test("the package's kubeadm file counts, without what is each cluster's own", async () => {
  await withPackage({}, async (store, file, work) => {
    await convert(store, file);
    await unpackImage(store, await openImage(store, parseReference(NAME)), join(work, 'rootfs'));
    const documents = parseKubeadmDocuments(await readFile(join(work, 'rootfs', 'etc', 'kubeadm.yml'), 'utf8'), 'kubeadm.yml');
    assert.deepEqual(
      documents.map(({ kind }) => kind),
      ['ClusterConfiguration', 'KubeProxyConfiguration'],
    );
    assert.deepEqual(documents[0]?.content, {
      networking: { podSubnet: '100.64.0.0/10' },
      apiServer: { certSANs: ['sealyun.com', '10.103.97.2'] },
      imageRepository: 'k8s.gcr.io',
    });
  });
});

test("its scripts run in their own directory, the container runtime's first, and never kubeadm", async () => {
  await withPackage({}, async (store, file, work) => {
    const { warnings } = await convert(store, file);
    assert.match(warnings.join('\n'), /master\.sh calls kubeadm/);
    const rootfs = join(work, 'rootfs');
    await unpackImage(store, await openImage(store, parseReference(NAME)), rootfs);
    for (const name of await readdir(join(rootfs, 'scripts'))) await run('bash', ['-n', join(rootfs, 'scripts', name)]);
    // A copy whose units and programs go to the test's own directories.
    const script = (await readFile(join(rootfs, 'scripts', 'init.sh'), 'utf8')).replaceAll('/etc/systemd', `${work}/systemd`);
    await writeFile(join(rootfs, 'scripts', 'init.sh'), script);
    await mkdir(join(work, 'systemd', 'system'), { recursive: true });
    await mkdir(join(work, 'bin'));
    for (const name of ['systemctl', 'kubeadm']) {
      await writeFile(join(work, 'bin', name), `#!/bin/sh\necho ${name} "$@" >> "$RECORD"\n`, { mode: 0o755 });
    }
    const env = {
      PATH: `${work}/bin:${process.env['PATH']}`,
      RECORD: join(work, 'record'),
      BIN_DIR: join(work, 'bin'),
      SEALOS_SYS_RUN_MODE: 'master',
    };
    await run('bash', [join(rootfs, 'scripts', 'init.sh')], { env });
    assert.deepEqual((await readFile(env.RECORD, 'utf8')).trim().split('\n'), [
      'docker',
      `init in ${rootfs}/shell`,
      'systemctl daemon-reload',
      'systemctl enable kubelet.service',
    ]);
    assert.deepEqual((await readdir(join(work, 'systemd', 'system'))).sort(), ['kubelet.service', 'kubelet.service.d']);
  });
});

test('a master.sh that leaves kubeadm alone runs on control planes only', async () => {
  await withPackage({ files: { 'shell/master.sh': 'echo master\n', 'shell/init.sh': 'sh docker.sh\n' } }, async (store, file, work) => {
    await convert(store, file);
    await unpackImage(store, await openImage(store, parseReference(NAME)), join(work, 'rootfs'));
    const script = await readFile(join(work, 'rootfs', 'scripts', 'init.sh'), 'utf8');
    assert.match(script, /\*,master,\*.*master\.sh/);
    assert.doesNotMatch(script, /bash docker\.sh/);
  });
});

test('converting the same package again gives the same image', async () => {
  await withPackage({}, async (store, file) => {
    assert.equal((await convert(store, file)).descriptor.digest, (await convert(store, file)).descriptor.digest);
  });
});

test('an archive that is no offline package is refused, and nothing is kept', async () => {
  await withPackage({ without: ['shell/init.sh', 'shell/docker.sh', 'shell/master.sh'] }, async (store, file) => {
    await refuses(store, file, 'bad-package', /no directory shell/);
    assert.deepEqual(await store.list(), []);
  });
  await withPackage({ images: [] }, (store, file) => refuses(store, file, 'bad-package', /brings no container images/));
  await withPackage({ images: [], change: (kube) => writeFile(join(kube, 'images', 'images.tar'), 'not a tar') }, (store, file) =>
    refuses(store, file, 'bad-package', /images\/images\.tar in it is no archive/),
  );
});

test('a link in the place of a directory is refused', async () => {
  await withPackage({ change: (kube) => symlink('bin', join(kube, 'etc')) }, (store, file) =>
    refuses(store, file, 'bad-package', /etc in .* is no directory/),
  );
});

test('links that lead out of the package are refused', async () => {
  for (const target of ['/etc/passwd', '../../../etc/passwd']) {
    await withPackage({ change: (kube) => symlink(target, join(kube, 'conf', 'link')) }, (store, file) =>
      refuses(store, file, 'bad-package', /conf\/link.* is a link to .*outside/),
    );
  }
});

test('names that lead out of the package are refused', async () => {
  await withPackage({}, async (store, _file, work) => {
    await writeFile(join(work, 'evil'), 'evil');
    const file = join(work, 'evil.tar');
    await run('tar', ['-C', work, '-cPf', file, '--transform', 's,^evil,kube/../../evil-out,', 'evil']);
    await refuses(store, file, 'bad-archive', /leads out/);
    assert.ok(!(await readdir(work)).includes('evil-out'));
  });
});

test('a package that is bigger than packages are is refused while it is unpacked', async () => {
  await withPackage({}, (store, file) => refuses(store, file, 'bad-package', /more than/, { limits: { bytes: 1000, entries: 1000 } }));
  await withPackage({}, (store, file) => refuses(store, file, 'bad-package', /more than/, { limits: { bytes: 1e9, entries: 3 } }));
});

test('a version that the package is not, or that is too old, is refused', async () => {
  await withPackage({}, (store, file) =>
    refuses(store, file, 'bad-version', /is Kubernetes v1\.22\.0, not v1\.21\.0/, { version: 'v1.21.0' }),
  );
  await withPackage({ images: ['k8s.gcr.io/kube-apiserver:v1.14.1'] }, (store, file) =>
    refuses(store, file, 'unsupported-kubernetes', /v1\.14\.1 is too old/),
  );
});

test('without a program for the registry it says where one can be had', async () => {
  await withPackage({ without: ['cri/registry'] }, async (store, file) => {
    await refuses(store, file, 'no-registry-program', /has no registry/);
    await convert(store, file, { registry: '/bin/true' });
    // And a rootfs image that is there by now has one to take.
    await convert(store, file, { name: 'localhost/second:1' });
  });
});
