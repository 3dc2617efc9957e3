// Hostile layers where users work in what was unpacked: create and mount, and offline packages before they are converted.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { unpackPackage } from '../../../packages/image/src/convert/package-tree.ts';
import { listTrees, makeTree, mountTree, openImage, parseReference, removeTree, unmountTree } from '../../../packages/image/src/index.ts';
import { NAME, putImage } from '../../support/hostile-images.ts';
import { traversals } from '../../support/hostile-layers.ts';
import { refusalOf, withSandbox } from '../../support/hostile-sandbox.ts';
import { device, directory, file, hardlink, link, raw, tar } from '../../support/hostile-tar.ts';

const rendered = { content: 'password', mode: 0o600 };

for (const { name, layers, refused } of traversals) {
  test(`a working tree stays inside: ${name}`, () =>
    withSandbox(async ({ store, outside }) => {
      await putImage(store, layers(outside));
      const image = await openImage(store, parseReference(NAME));
      // Rendered files go over what the image has, perhaps behind its links.
      const files = ['d/passwd', 'a/d/new', 'p'].map((path) => ({ path, ...rendered }));
      const said = await refusalOf(() => makeTree(store, image, { name: 'tree', files }));
      if (refused !== undefined) assert.match(said ?? 'it was made', refused);
      const trees = await listTrees(store);
      assert.equal(trees.length, said === undefined ? 1 : 0);
      if (said !== undefined) return;
      await unmountTree(store, 'tree');
      await mountTree(store, 'tree');
      await removeTree(store, 'tree');
    }));
}

const kube = (...more: readonly Buffer[]) => tar(...['bin', 'images', 'shell'].map((name) => directory(`kube/${name}`)), ...more);
const packages: readonly { readonly name: string; readonly bytes: (outside: string) => Buffer; readonly refused?: RegExp }[] = [
  { name: 'a directory that is a link', bytes: (outside) => kube(link('kube/conf', outside)), refused: /conf|outside/ },
  {
    name: 'the whole of it behind a link',
    bytes: (outside) => tar(link('kube', outside), file('kube/passwd', 'owned')),
    refused: /no directory bin|outside/,
  },
  {
    name: 'a file behind a link',
    bytes: (outside) => kube(link('kube/conf', outside), file('kube/conf/passwd', 'owned')),
    refused: /conf|outside/,
  },
  {
    name: 'a hard link to a file of this machine',
    bytes: (outside) => kube(hardlink('kube/bin/kubelet', `${outside}/passwd`)),
    refused: /no file in the image/,
  },
  {
    name: 'a link to a link that leads out',
    bytes: () => kube(link('kube/conf', 'bin'), link('kube/bin/x', '../..')),
    refused: /conf|outside/,
  },
  { name: 'a name that climbs out', bytes: () => kube(file('kube/../../outside/new')), refused: /leads out|'\.\.'/ },
  {
    name: 'devices and set-id bits',
    bytes: () => kube(device('kube/bin/null'), raw({ name: 'kube/bin/su', mode: '0006755\0', content: 'x' })),
  },
];

for (const { name, bytes, refused } of packages) {
  test(`an offline package with ${name}: ${refused === undefined ? 'harmless' : 'refused'}`, () =>
    withSandbox(async ({ target, input, outside }) => {
      mkdirSync(target);
      const path = join(input, 'kube1.20.tar');
      writeFileSync(path, bytes(outside));
      const said = await refusalOf(() => unpackPackage(path, target, { limits: { bytes: 1e6, entries: 100 } }));
      if (refused !== undefined) return assert.match(said ?? 'it was unpacked', refused);
      assert.equal(said, undefined);
      assert.deepEqual(readdirSync(join(target, 'bin')), ['su']);
      assert.equal(statSync(join(target, 'bin', 'su')).mode & 0o7777, 0o755);
      assert.equal(existsSync(join(target, 'bin', 'null')), false);
      assert.equal(readFileSync(join(target, 'bin', 'su'), 'utf8'), 'x');
    }));
}
