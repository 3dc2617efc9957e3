import assert from 'node:assert/strict';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { directory, file, hardlink, makeImage, symlink, withDirectory } from '../../../test/support/images.ts';
import { listFiles, readFiles } from './files.ts';
import { type Image, openImage } from './image.ts';
import { layerSummary } from './layer-files.ts';
import { parseReference } from './reference.ts';
import { openStore, type Store } from './store.ts';
import type { TarEntry } from './tar.ts';

const REF = parseReference('localhost/test:1');

function withImage(layers: readonly (readonly TarEntry[])[], work: (store: Store, image: Image) => Promise<void>): Promise<void> {
  return withDirectory(async (path) => {
    await using store = await openStore(path);
    await makeImage(store, { layers });
    await work(store, await openImage(store, REF));
  });
}

const layered = [
  [
    directory('etc'),
    file('etc/a', 'old a'),
    file('etc/b', 'b'),
    file('gone', 'x'),
    directory('d'),
    file('d/1'),
    file('d/2'),
    directory('o'),
    file('o/low'),
  ],
  [
    file('.wh.gone'),
    file('etc/a', 'new a'),
    file('.wh.d'),
    directory('o'),
    file('o/high', 'h'),
    file('o/.wh..wh..opq'),
    hardlink('etc/c', 'etc/a'),
  ],
  [file('d', 'now a file'), symlink('etc/b', 'a')],
];

test('what lies on top is seen, whiteouts hide what is below them and nothing of their own layer', () =>
  withImage(layered, async (store, image) => {
    const files = await listFiles(store, image);
    assert.deepEqual(
      [...files.values()].map(({ path, type, layer }) => `${path} ${type} ${layer}`),
      ['d file 2', 'etc directory 0', 'etc/a file 1', 'etc/b symlink 2', 'etc/c hardlink 1', 'o directory 1', 'o/high file 1'],
    );
  }));

test('files are read from the layer that has them on top, hard links too', () =>
  withImage(layered, async (store, image) => {
    const contents = await readFiles(store, image, () => true);
    assert.deepEqual(
      [...contents].map(([path, content]) => [path, content.toString()]),
      [
        ['d', 'now a file'],
        ['etc/a', 'new a'],
        ['etc/c', 'new a'],
        ['o/high', 'h'],
      ],
    );
    assert.deepEqual([...(await readFiles(store, image, ({ path }) => path.startsWith('o/'))).keys()], ['o/high']);
    await assert.rejects(
      readFiles(store, image, ({ path }) => path === 'd', { limit: 9 }),
      { code: 'file-too-big', exitCode: 2 },
    );
  }));

test('what a layer holds is remembered, and found out again when that is lost', () =>
  withImage(layered, async (store, image) => {
    const before = await listFiles(store, image);
    const known = join(store.path, 'sealos', 'index');
    assert.equal((await readdir(known)).length, 3);
    await rm(known, { recursive: true });
    assert.deepEqual(await listFiles(store, image), before);
    assert.deepEqual(await listFiles(store, image), before);
  }));

test('a layer sums up what it adds and deletes', () =>
  withImage([...layered, [directory('registry'), file('registry/x', 'y'), file('registry/.wh.z')]], async (store, image) => {
    const summaries = await Promise.all(image.layers.map((layer) => layerSummary(store, layer)));
    const [first, second, , last] = summaries;
    assert.deepEqual(first?.topLevelNames, ['d', 'etc', 'gone', 'o']);
    assert.equal(first?.hasWhiteouts, false);
    assert.deepEqual(second?.whiteouts, ['gone', 'd', 'o/']);
    assert.equal(second?.diffId, image.config.rootfs.diff_ids[1]);
    assert.equal(last?.onlyUnder('registry'), true);
    assert.equal(last?.onlyUnder('registry/x'), false);
    assert.equal(first?.onlyUnder('etc'), false);
  }));

test('a damaged layer is noticed before any of its files is believed', () =>
  withImage([[file('a', 'text')]], async (store, image) => {
    const [layer] = image.layers;
    assert.ok(layer);
    await assert.rejects(layerSummary(store, { ...layer, size: layer.size - 1 }), { code: 'content-mismatch' });
  }));
