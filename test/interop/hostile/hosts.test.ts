// Hostile layers on a host, where its own tar unpacks them as root: this machine, in a directory of the test's own. Needs root.
import assert from 'node:assert/strict';
import { existsSync, lstatSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openLocalHost } from '../../../packages/runtime/src/host/local.ts';
import { hostLayout } from '../../../packages/runtime/src/layout.ts';
import { loadImage } from '../../../packages/runtime/src/run/load-image.ts';
import { layersStep } from '../../../packages/runtime/src/steps/layers.ts';
import { honestConfig, putImage } from '../../support/hostile-images.ts';
import { refusalOf, type Sandbox, withSandbox } from '../../support/hostile-sandbox.ts';
import { device, directory, file, link, raw, tar } from '../../support/hostile-tar.ts';

const signal = AbortSignal.timeout(120_000);
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
