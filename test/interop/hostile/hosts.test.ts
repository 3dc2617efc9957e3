// Hostile layers on a host, where its own tar unpacks them as root: this machine, in a directory of the test's own. Needs root.
import assert from 'node:assert/strict';
import { existsSync, lstatSync, mkdirSync, readdirSync, readlinkSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { openLocalHost } from '../../../packages/runtime/src/host/local.ts';
import { script } from '../../../packages/runtime/src/host/script.ts';
import { hostLayout } from '../../../packages/runtime/src/layout.ts';
import type { PlannedHost, PlanShape } from '../../../packages/runtime/src/plan/plan-input.ts';
import { loadImage } from '../../../packages/runtime/src/run/load-image.ts';
import { layersStep } from '../../../packages/runtime/src/steps/layers.ts';
import { registryStep } from '../../../packages/runtime/src/steps/registry.ts';
import { honestConfig, putImage } from '../../support/hostile-images.ts';
import { refusalOf, type Sandbox, withSandbox } from '../../support/hostile-sandbox.ts';
import { device, directory, file, link, raw, tar } from '../../support/hostile-tar.ts';

const signal = AbortSignal.timeout(600_000);
const address = { ip: '127.0.0.1', port: 22 };
const platform = { os: 'linux', architecture: 'amd64' };
const labels = { Labels: { 'sealos.io.type': 'rootfs', 'sealos.io.version': 'v1beta1', version: 'v1.29.0' } };

/** Unpacks rootfs images, of layers each, one after the other as `run` does; returns why that is refused. */
function onHost({ store, target }: Sandbox, ...images: readonly (readonly Buffer[])[]): Promise<string | undefined> {
  return refusalOf(async () => {
    mkdirSync(target, { recursive: true });
    await using host = await openLocalHost({ address, signal });
    const layout = hostLayout('hostile', target);
    for (const [position, layers] of images.entries()) {
      const name = `localhost/rootfs:${position}`;
      await putImage(store, layers, name, honestConfig(layers, { config: labels }));
      const pull = () => assert.fail('there is nothing to pull');
      const { planned } = await loadImage(store, name, { platform, pull, signal });
      const input = { layout, hosts: [address], images: [planned], master0: address, registryHost: address };
      await layersStep({ ...input, architectures: new Map([[address.ip, 'amd64']]) }).apply(host, { signal, onBytes: () => {} } as never);
    }
  });
}

const cases: readonly { readonly name: string; readonly images: (outside: string) => readonly (readonly Buffer[])[] }[] = [
  { name: 'a file behind a link of the same layer', images: (outside) => [[tar(link('d', outside), file('d/passwd', 'owned'))]] },
  { name: 'a file behind a link of a layer below', images: (outside) => [[tar(link('d', outside)), tar(file('d/passwd', 'owned'))]] },
  { name: 'a file behind a link of an earlier image', images: (outside) => [[tar(link('d', outside))], [tar(file('d/passwd', 'owned'))]] },
  { name: 'a whiteout behind a link', images: (outside) => [[tar(link('d', outside)), tar(file('d/.wh.tree'))]] },
  { name: 'a whiteout behind a link of an earlier image', images: (outside) => [[tar(link('d', outside))], [tar(file('d/.wh.tree'))]] },
  { name: 'a whole directory opaque behind a link', images: (outside) => [[tar(link('d', outside))], [tar(file('d/.wh..wh..opq'))]] },
  { name: 'a directory in the place of a link', images: (outside) => [[tar(link('d', `${outside}/tree`))], [tar(directory('d'))]] },
  {
    name: 'a hard link through a link',
    images: (outside) => [[tar(link('d', outside))], [tar(raw({ name: 'h', flag: '1', link: 'd/passwd' }))]],
  },
  {
    name: 'hundreds of whiteouts that tar can be told of only as patterns',
    images: () => [[tar(...Array.from({ length: 101 }, (_, at) => file(`.wh.${at}\n`)))]],
  },
  { name: 'a registry that is a link', images: (outside) => [[tar(link('registry', outside))]] },
  { name: 'a link in the registry', images: (outside) => [[tar(directory('registry'), link('registry/data', `${outside}/passwd`))]] },
];

for (const { name, images } of cases) {
  test(`refused before anything outside is touched: ${name}`, () =>
    withSandbox(async (sandbox) => {
      const said = await onHost(sandbox, ...images(sandbox.outside));
      assert.match(said ?? 'it was unpacked', /localhost\/rootfs:\d cannot be unpacked on hosts/);
    }));
}

test('links that stay inside are gone through; devices, pipes and set-id bits stay away', () =>
  withSandbox(async (sandbox) => {
    const layers = [
      tar(directory('usr'), directory('usr/lib'), link('lib', 'usr/lib'), link('out', sandbox.outside)),
      tar(file('lib/x', 'inside'), device('null'), device('pipe', '6'), raw({ name: 'su', mode: '0006755\0', content: 'x' })),
    ];
    assert.equal(await onHost(sandbox, layers), undefined);
    const { rootfs } = hostLayout('hostile', sandbox.target);
    assert.ok(existsSync(join(rootfs, 'usr/lib/x')));
    assert.ok(lstatSync(join(rootfs, 'out')).isSymbolicLink());
    assert.ok(!existsSync(join(rootfs, 'null')) && !existsSync(join(rootfs, 'pipe')));
    assert.equal(statSync(join(rootfs, 'su')).mode & 0o7777, 0o755);
  }));

test('fourteen thousand whiteouts, and pipes: more than an argument list holds', () =>
  withSandbox(async (sandbox) => {
    const odd = (at: number) => (at < 20 ? ' \n\t' : '');
    const name = (at: number) => `${at}-*${'n'.repeat(70)}${odd(at)}`;
    const numbers = Array.from({ length: 14_000 }, (_, at) => at);
    const layers = [
      tar(file(name(7), 'old'), file(name(70), 'old'), file('kept', 'x')),
      tar(...numbers.map((at) => file(`.wh.${name(at)}`)), ...numbers.slice(0, 40).map((at) => device(`device-${name(at)}`, '6'))),
    ];
    assert.equal(await onHost(sandbox, layers), undefined);
    const { rootfs } = hostLayout('hostile', sandbox.target);
    assert.deepEqual(readdirSync(rootfs), ['kept']);
  }));

for (const [name, prepare, refused] of [
  ['a directory with data', (path: string) => mkdirSync(join(path, 'x'), { recursive: true }), true],
  ['a file', (path: string) => writeFileSync(path, 'data'), true],
  ['a link of somebody else', (path: string) => symlinkSync(dirname(path), path), true],
  ['an empty directory', (path: string) => mkdirSync(path), false],
  ['a link to nothing', (path: string) => symlinkSync('nowhere', path), false],
  ["a cluster's own link", (path: string) => symlinkSync(`${dirname(path)}/other/rootfs/registry`, path), false],
] as const) {
  test(`where the registry's data is to be, ${name} ${refused ? 'stays' : 'makes room'}`, () =>
    withSandbox(async ({ target }) => {
      const data = join(target, "it's $(touch owned)");
      mkdirSync(target);
      prepare(data);
      const before = lstatSync(data).ino;
      await using host = await openLocalHost({ address, signal });
      const layout = hostLayout('hostile', target);
      const seat = { address } as PlannedHost;
      const shape = { layout, hosts: [seat], registry: { host: address, domain: 'x', port: 1, data } } as unknown as PlanShape;
      const step = registryStep(shape, { script: () => script`exit 9`, timeout: undefined, needs: [] });
      const applied = step.apply(host, { signal, onBytes: () => {}, onLine: () => {} } as never);
      await assert.rejects(applied, refused ? /holds data that is not of this cluster/ : /exit status 9/);
      if (refused) assert.equal(lstatSync(data).ino, before);
      else assert.equal(readlinkSync(data), `${layout.rootfs}/registry`);
      await step.undo?.(host, { signal } as never);
      assert.equal(existsSync(data), refused);
      assert.deepEqual(
        readdirSync(target).filter((path) => path.startsWith('owned')),
        [],
      );
    }));
}
