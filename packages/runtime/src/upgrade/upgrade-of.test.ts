import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Cluster, MountedImage } from '../cluster/cluster.ts';
import { emptyStatus } from '../cluster/cluster.ts';
import { type ClusterImage, clusterImage } from '../image-contract/cluster-image.ts';
import { beforeUpgrade } from './resolve-upgrade.ts';
import { carryEnvironment, upgradeOf, withNewRootfs } from './upgrade-of.ts';

function image(name: string, labels: Readonly<Record<string, string>>): ClusterImage {
  return clusterImage(name, { architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: [] }, config: { Labels: labels } });
}

const rootfs = (name: string, version: string, more: Readonly<Record<string, string>> = {}) =>
  image(name, { 'sealos.io.type': 'rootfs', 'sealos.io.version': 'v1beta1', version, ...more });
const application = image('app:1', {});

function mount({ name, kind, labels }: ClusterImage): MountedImage {
  return { name, type: kind, imageName: name, env: new Map(), labels, cmd: [], entrypoint: [] };
}

const stored = (version: string) => [mount(rootfs('k:old', version)), mount(application)];
const code = (name: string) => ({ code: name, exitCode: 2 });

test('a later patch version and the next minor version are upgrades', () => {
  for (const to of ['v1.20.3', 'v1.21.0']) {
    assert.deepEqual(upgradeOf(stored('v1.20.2'), [rootfs('k:new', to), application]), {
      from: 'v1.20.2',
      to,
      fromImage: 'k:old',
      toImage: 'k:new',
    });
  }
});

test('the same version is none, under whatever name', () => {
  assert.equal(upgradeOf(stored('v1.20.2'), [rootfs('k:new', 'v1.20.2')]), 'same');
});

test('without a rootfs before or now there is nothing to upgrade', () => {
  assert.equal(upgradeOf([], [rootfs('k:new', 'v1.20.2')]), undefined);
  assert.equal(upgradeOf(stored('v1.20.2'), [application]), undefined);
});

test('going back, leaving out a minor version and another distribution are refused', () => {
  assert.throws(() => upgradeOf(stored('v1.20.2'), [rootfs('k:new', 'v1.20.1')]), code('downgrade'));
  assert.throws(() => upgradeOf(stored('v1.20.2'), [rootfs('k:new', 'v1.20.2-rc.1')]), code('downgrade'));
  assert.throws(() => upgradeOf(stored('v1.20.2'), [rootfs('k:new', 'v1.22.0')]), code('skips-minor'));
  assert.throws(() => upgradeOf(stored('v1.20.2'), [rootfs('k:new', 'v2.0.0')]), code('skips-minor'));
  const other = rootfs('k:new', 'v1.21.0', { 'sealos.io.distribution': 'k3s' });
  assert.throws(() => upgradeOf(stored('v1.20.2'), [other]), code('other-distribution'));
});

test('k3s of another version is refused, of the same version it is none', () => {
  const k3s = (name: string, version: string) => rootfs(name, version, { 'apps.sealos.io/distribution': 'k3s' });
  const { labels } = k3s('k:old', 'v1.28.1');
  const before = stored('v1.28.1').map((mount) => ({ ...mount, labels }));
  assert.throws(() => upgradeOf(before, [k3s('k:new', 'v1.28.2')]), code('not-for-k3s'));
  assert.equal(upgradeOf(before, [k3s('k:new', 'v1.28.1')]), 'same');
  assert.throws(() => upgradeOf(before, [rootfs('k:new', 'v1.28.2')]), code('other-distribution'));
});

const cluster = (...images: readonly string[]): Cluster => ({
  name: 'default',
  images,
  ssh: {},
  hosts: [],
  env: new Map(),
  command: [],
  status: { ...emptyStatus, mounts: stored('v1.20.2') },
});

async function opened(images: readonly string[]): Promise<{ readonly images: readonly string[]; readonly opened: readonly string[] }> {
  const names: string[] = [];
  const found = await withNewRootfs(cluster(...images), stored('v1.20.2'), async (name) => {
    names.push(name);
    return name.startsWith('k:') ? rootfs(name, 'v1.20.3') : image(name, {});
  });
  return { images: found.images, opened: names };
}

test("a new rootfs takes the old one's place among the images, and only images that are new are opened", async () => {
  assert.deepEqual(await opened(['k:old', 'app:1', 'app:2', 'k:new']), { images: ['k:new', 'app:1', 'app:2'], opened: ['app:2', 'k:new'] });
  assert.deepEqual(await opened(['k:old', 'app:1']), { images: ['k:old', 'app:1'], opened: [] });
  // A Clusterfile names the new one alone.
  assert.deepEqual(await opened(['k:new', 'app:1']), { images: ['k:new', 'app:1'], opened: [] });
});

test('until the upgrade is ended, the state says what the cluster was made of', () => {
  const wanted = { ...cluster('k:new', 'app:1'), status: { ...emptyStatus, mounts: [mount(rootfs('k:new', 'v1.20.3'))] } };
  const kept = beforeUpgrade(wanted, cluster('k:old', 'app:1'));
  assert.deepEqual(kept.images, ['k:old', 'app:1']);
  assert.equal(kept.status.mounts[0]?.imageName, 'k:old');
});

test('settings that -e gave the old rootfs hold for the new one, under those of this call', () => {
  const given = new Map([
    ['k:old', new Map(Object.entries({ registryPort: '5001', defaultVIP: '10.1.1.1' }))],
    ['k:new', new Map([['registryPort', '5002']])],
  ]);
  const carried = carryEnvironment(given, { from: 'v1.20.2', to: 'v1.20.3', fromImage: 'k:old', toImage: 'k:new' });
  assert.deepEqual(Object.fromEntries(carried.get('k:new') ?? []), { registryPort: '5002', defaultVIP: '10.1.1.1' });
});
