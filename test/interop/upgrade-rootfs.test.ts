// The new version's files take the old ones' place on a host: this machine, in a directory of the test's own. Needs root.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openStore, type Store, type TarEntry } from '../../packages/image/src/index.ts';
import { executePlan } from '../../packages/runtime/src/execute.ts';
import { openLocalHost } from '../../packages/runtime/src/host/local.ts';
import { type HostLayout, hostLayout } from '../../packages/runtime/src/layout.ts';
import type { PlannedImage } from '../../packages/runtime/src/plan/plan-input.ts';
import { loadImage } from '../../packages/runtime/src/run/load-image.ts';
import type { Step } from '../../packages/runtime/src/step.ts';
import { layersStep } from '../../packages/runtime/src/steps/layers.ts';
import { beginUpgradeStep, endUpgradeStep } from '../../packages/runtime/src/upgrade/progress.ts';
import { exchange, replaceRootfsStep } from '../../packages/runtime/src/upgrade/replace-rootfs.ts';
import { directory, file, makeImage, symlink, withDirectory } from '../support/images.ts';
import { treeOf } from '../support/trees.ts';

const signal = AbortSignal.timeout(300_000);
const address = { ip: '127.0.0.1', port: 22 };
const elsewhere = { ip: '127.0.0.2', port: 22 };
const labels = { Labels: { 'sealos.io.type': 'rootfs', 'sealos.io.version': 'v1beta1', version: 'v1.20.2' } };

const shared = [directory('cri'), file('cri/runc', 'the same in both', { mode: 0o755 })];

async function makeImages(store: Store): Promise<void> {
  const make = (name: string, config: object, ...layers: readonly (readonly TarEntry[])[]) => makeImage(store, { name, config, layers });
  await make(
    'localhost/k8s:old',
    labels,
    shared,
    [
      directory('bin'),
      file('bin/kubeadm', 'old'),
      file('bin/gone', 'only in the old one'),
      directory('statics'),
      symlink('statics/link', 'x'),
    ],
    [directory('registry'), file('registry/both', 'old'), file('registry/old', 'old')],
  );
  await make(
    'localhost/k8s:new',
    labels,
    shared,
    [
      directory('bin'),
      file('bin/kubeadm', 'new', { mode: 0o644 }),
      file('bin/.wh.nothing'),
      directory('scripts'),
      file('scripts/init.sh', 'new'),
    ],
    [file('bin/late', 'was there'), directory('etc'), file('etc/a.yml', 'new')],
    [file('bin/.wh.late')],
    [directory('registry'), file('registry/both', 'new'), file('registry/new', 'new')],
  );
  // As other builders make them: container images and everything else in one layer.
  await make('localhost/k8s:flat', labels, [
    directory('bin'),
    file('bin/kubeadm', 'flat'),
    directory('registry'),
    file('registry/flat', 'flat'),
  ]);
  await make('localhost/app:1', {}, [directory('registry'), file('registry/app', 'app')], [file('run.sh', 'app')]);
}

interface Bench {
  readonly layout: HostLayout;
  readonly image: (name: string) => Promise<PlannedImage>;
  /** Returns how many steps had something to do. */
  readonly run: (...steps: readonly Step[]) => Promise<number>;
  readonly old: (registryHost?: typeof address) => Promise<Step>;
  readonly replace: (name: string, registryHost?: typeof address) => Promise<Step>;
}

async function onBench(work: (bench: Bench) => Promise<void>): Promise<void> {
  await withDirectory(async (root) => {
    await using store = await openStore(join(root, 'store'));
    await makeImages(store);
    await using host = await openLocalHost({ address, signal });
    const layout = hostLayout('test', root);
    const loading = {
      platform: { os: 'linux', architecture: 'amd64' },
      pull: () => Promise.reject(new Error('nothing is pulled here')),
      signal,
    };
    const image = async (name: string) => (await loadImage(store, `localhost/${name}`, loading)).planned;
    const input = async (name: string, registryHost: typeof address) => ({
      layout,
      hosts: [address],
      images: [await image(name), await image('app:1')],
      master0: address,
      registryHost,
      architectures: new Map<string, string>(),
    });
    await work({
      layout,
      image,
      run: async (...steps) => (await executePlan({ steps }, () => host, { onEvent: () => {}, signal })).changed,
      old: async (registryHost = address) => layersStep(await input('k8s:old', registryHost)),
      replace: async (name, registryHost = address) => replaceRootfsStep({ ...(await input(name, registryHost)), needs: [] }),
    });
  });
}

const namesIn = (path: string) => readdirSync(path, { recursive: true, encoding: 'utf8' }).sort();

test('what the new version has not is gone, and the registry keeps what hosts of the old version still ask for', () =>
  onBench(async ({ layout, run, old, replace }) => {
    await run(await old());
    writeFileSync(join(layout.rootfs, 'registry/pushed'), 'by a user');
    writeFileSync(join(layout.rootfs, 'bin/rendered'), 'over the old files');
    assert.equal(await run(await replace('k8s:new')), 1);
    assert.deepEqual(namesIn(layout.rootfs), [
      'bin',
      'bin/kubeadm',
      'cri',
      'cri/runc',
      'etc',
      'etc/a.yml',
      'registry',
      'registry/app',
      'registry/both',
      'registry/new',
      'registry/old',
      'registry/pushed',
      'scripts',
      'scripts/init.sh',
    ]);
    assert.equal(readFileSync(join(layout.rootfs, 'bin/kubeadm'), 'utf8'), 'new');
    assert.equal(readFileSync(join(layout.rootfs, 'registry/both'), 'utf8'), 'new');
    assert.deepEqual(
      namesIn(`${layout.rootfs}.old`).slice(0, 2),
      ['bin', 'bin/gone'],
      'the old files are there until the upgrade is ended',
    );
    assert.equal(await run(await replace('k8s:new')), 0, 'done once');
  }));

test("the usual step for layers finds the new version's there, and applications' where they were", () =>
  onBench(async ({ layout, image, run, old, replace }) => {
    await run(await old());
    await run(await replace('k8s:new'));
    const images = [await image('k8s:new'), await image('app:1')];
    assert.equal(
      await run(layersStep({ layout, hosts: [address], images, master0: address, registryHost: address, architectures: new Map() })),
      0,
    );
    assert.equal(readFileSync(join(layout.workdir('app-1'), 'run.sh'), 'utf8'), 'app');
  }));

test('an image of one layer leaves its container images with the registry alone', () =>
  onBench(async ({ layout, run, old, replace }) => {
    await run(await old());
    await run(await replace('k8s:flat'));
    assert.deepEqual(namesIn(join(layout.rootfs, 'registry')), ['app', 'both', 'flat', 'old']);
    assert.deepEqual(namesIn(join(layout.rootfs, 'bin')), ['kubeadm']);
  }));

test('a host without the registry gets no container images', () =>
  onBench(async ({ layout, run, old, replace }) => {
    for (const name of ['k8s:new', 'k8s:flat']) {
      await run(await old(elsewhere));
      await run(await replace(name, elsewhere));
      assert.ok(!existsSync(join(layout.rootfs, 'registry')), name);
    }
  }));

test('what was unpacked for another target is not mixed with what is unpacked now', () =>
  onBench(async ({ layout, image, run, old, replace }) => {
    await run(await old());
    // Cut off after the first layers of one image, then another one is wanted.
    const [first] = (await image('k8s:new')).layers;
    rmSync(`${layout.rootfs}.next`, { recursive: true, force: true });
    spawnSync('mkdir', ['-p', `${layout.rootfs}.next/stray`]);
    writeFileSync(join(layout.markers, 'layers.next'), `${first?.digest}\nsha256:of-another\n`);
    await run(await replace('k8s:flat'));
    assert.deepEqual(readdirSync(layout.rootfs).sort(), ['bin', 'registry']);
  }));

test('a rootfs that is killed at any command while it takes its place is the same as one that is not, once it was gone on with', () =>
  onBench(async ({ layout, run, old }) => {
    await run(await old());
    const prepare = `cp -a ${layout.data} ${layout.data}.kept`;
    assert.equal(spawnSync('bash', ['-c', prepare]).status, 0);
    const record = ['sha256:new /somewhere'];
    const { text } = exchange(layout, record);
    const arrange = () =>
      spawnSync('bash', [
        '-c',
        `rm -rf ${layout.data} && cp -a ${layout.data}.kept ${layout.data} && cd ${layout.data} && mkdir -p rootfs.next/bin rootfs.next/new rootfs.next/registry && touch -d @1 rootfs.next/bin/kubeadm rootfs.next/new/file rootfs.next/registry/fresh && echo sha256:new > .sealos/layers.next`,
      ]);
    const result = async () =>
      (await treeOf(layout.data)).map((line) => line.replace(/(: directory .*) \d+$/, '$1').replace(/(\.sealos\/layers: .*) \d+$/, '$1'));
    arrange();
    assert.equal(spawnSync('bash', ['-c', text]).status, 0);
    const expected = await result();
    assert.ok(expected.some((line) => line.startsWith('rootfs/new/file')) && !expected.some((line) => line.startsWith('rootfs/cri')));
    let kills = 0;
    for (let at = 1; ; at += 1) {
      arrange();
      const killing = `set -T; count=0; trap 'count=$((count + 1)); if [ "$count" = ${at} ]; then kill -KILL $BASHPID; fi' DEBUG\n${text}`;
      const { status, signal: by } = spawnSync('bash', ['-c', killing]);
      if (status === 0 && by === null) break;
      kills += 1;
      const again = spawnSync('bash', ['-c', text], { encoding: 'utf8' });
      assert.equal(again.status, 0, `after a kill at command ${at}: ${again.stderr}`);
      assert.deepEqual(await result(), expected, `after a kill at command ${at}`);
    }
    assert.ok(kills > 40, `${kills} kills`);
  }));

test('an upgrade leaves its record on the host until it is ended, and nothing of earlier ones', () =>
  onBench(async ({ layout, run, old, replace }) => {
    await run(await old());
    const target = { to: 'v1.20.3', digest: 'sha256:1' };
    const records = () => readdirSync(layout.markers).filter((name) => name.startsWith('upgrad'));
    writeFileSync(join(layout.markers, 'upgrade-v1.20.2-node'), 'x');
    writeFileSync(join(layout.markers, 'upgrading-v1.20.2'), 'x');
    writeFileSync(join(layout.markers, 'upgrade-v1.20.3-node'), 'x');
    const ends = { layout, hosts: [address], needs: [], target };
    await run(beginUpgradeStep(ends));
    assert.deepEqual(records(), ['upgrade-v1.20.3-node', 'upgrading-v1.20.3']);
    assert.equal(await run(beginUpgradeStep(ends)), 0);
    await run(await replace('k8s:new'));
    assert.equal(await run(endUpgradeStep(ends)), 1);
    assert.deepEqual(records(), ['upgrade-v1.20.3-node']);
    assert.deepEqual(
      readdirSync(layout.data).filter((name) => name.startsWith('rootfs')),
      ['rootfs'],
    );
    assert.equal(await run(endUpgradeStep(ends)), 0);
  }));
