// The store is an OCI image layout: other programs read it, and write into it, as `oci:PATH:NAME`.
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { openImage, openStore, parseReference, readFiles, unpackImage } from '../../packages/image/src/index.ts';
import { ensureInstalled } from '../../scripts/debian.ts';
import { directory, file, makeImage, symlink, variedEntries, withDirectory } from '../support/images.ts';
import { buildahIn, run } from '../support/programs.ts';
import { assertSameTree } from '../support/trees.ts';

before(() => ensureInstalled(['skopeo', 'umoci', 'buildah']));

const NAME = 'registry.example.org:5000/team/app:1.2';

const layers = [
  variedEntries(),
  [directory('d'), file('d/1', 'one'), directory('d/deep'), file('d/deep/2', 'two'), file('gone', 'x'), directory('o'), file('o/low', 'x')],
  [
    file('.wh.gone'),
    file('d/deep/.wh.2'),
    directory('o'),
    file('o/.wh..wh..opq'),
    file('o/high', 'y', { mode: 0o600 }),
    symlink('d/link', 'deep'),
  ],
];

for (const compression of ['zstd', 'gzip', 'none'] as const) {
  test(`skopeo and buildah read an image of ours, and buildah unpacks the same tree: ${compression}`, () =>
    withDirectory(async (path) => {
      await using store = await openStore(join(path, 'store'));
      const manifest = await makeImage(store, { name: NAME, layers, compression, config: { Labels: { a: 'b' }, Env: ['X=y'] } });
      const inspected = JSON.parse(await run('skopeo', ['inspect', `oci:${store.path}:${NAME}`]));
      assert.equal(inspected.Digest, manifest.digest);
      assert.deepEqual(inspected.Labels, { a: 'b' });
      assert.deepEqual(inspected.Env, ['X=y']);

      await unpackImage(store, await openImage(store, parseReference(NAME)), join(path, 'ours'));
      const buildah = buildahIn(path);
      const container = await buildah('from', '--quiet', `oci:${store.path}:${NAME}`);
      // Its vfs storage gives the directories that an upper layer changed the present time; umoci and containerd keep the layer's.
      await assertSameTree(join(path, 'ours'), await buildah('mount', container), { directoryTimes: false });
      await buildah('rm', container);
    }));
}

// umoci 0.4.7 knows no zstd, and takes no slash in a tag: skopeo copies the image, layers unchanged, under a short one.
test('umoci unpacks the same tree from an image of ours (gzip)', () =>
  withDirectory(async (path) => {
    await using store = await openStore(join(path, 'store'));
    await makeImage(store, { name: NAME, layers, compression: 'gzip' });
    await run('skopeo', ['copy', '--quiet', '--preserve-digests', `oci:${store.path}:${NAME}`, `oci:${join(path, 'layout')}:short`]);
    await run('umoci', ['unpack', '--keep-dirlinks', '--image', `${join(path, 'layout')}:short`, join(path, 'bundle')]);
    await unpackImage(store, await openImage(store, parseReference(NAME)), join(path, 'ours'));
    await assertSameTree(join(path, 'ours'), join(path, 'bundle', 'rootfs'));
  }));

test('we read an image that umoci made, and unpack the same tree', () =>
  withDirectory(async (path) => {
    const layout = join(path, 'layout');
    await using source = await openStore(join(path, 'source'));
    await makeImage(source, { layers: [variedEntries()] });
    await unpackImage(source, await openImage(source, parseReference('localhost/test:1')), join(path, 'content'));
    await run('umoci', ['init', '--layout', layout]);
    await run('umoci', ['new', '--image', `${layout}:made`]);
    await run('umoci', ['insert', '--image', `${layout}:made`, join(path, 'content'), '/content']);
    await run('umoci', ['insert', '--image', `${layout}:made`, '--whiteout', '/content/bin/run-again']);
    await run('umoci', ['unpack', '--image', `${layout}:made`, join(path, 'bundle')]);

    await using store = await openStore(layout);
    const image = await openImage(store, parseReference('made'));
    assert.ok(image.layers.length >= 2);
    await unpackImage(store, image, join(path, 'ours'));
    await assertSameTree(join(path, 'ours'), join(path, 'bundle', 'rootfs'));
  }));

test('we read what buildah commits and skopeo copies into the store, whiteouts among it', () =>
  withDirectory(async (path) => {
    await using source = await openStore(join(path, 'source'));
    await makeImage(source, { layers });
    const buildah = buildahIn(path);
    const container = await buildah('from', '--quiet', `oci:${source.path}:localhost/test:1`);
    const root = await buildah('mount', container);
    await run('rm', ['-r', join(root, 'd', 'deep'), join(root, 'bin', 'run')]);
    await mkdir(join(root, 'd', 'deep'));
    await run('sh', ['-c', `echo new > "$0"/d/deep/new; ln "$0"/d/deep/new "$0"/bin/new; chown 5:6 "$0"/bin/new`, root]);
    await run('cp', ['-a', root, join(path, 'expected')]);
    await buildah('commit', '--quiet', container, 'localhost/committed:1');
    await using store = await openStore(join(path, 'store'));
    await buildah('push', '--quiet', 'localhost/committed:1', `oci:${join(path, 'layout')}:x`);
    await run('skopeo', ['copy', '--quiet', `oci:${join(path, 'layout')}:x`, `oci:${store.path}:localhost/committed:1`]);
    await buildah('rm', container);

    const image = await openImage(store, parseReference('localhost/committed:1'));
    assert.deepEqual((await store.list()).length, 1);
    await unpackImage(store, image, join(path, 'ours'));
    await assertSameTree(join(path, 'ours'), join(path, 'expected'));
    const contents = await readFiles(store, image, ({ path: name }) => name === 'bin/new');
    assert.equal(contents.get('bin/new')?.toString(), 'new\n');
    await store.collectGarbage();
    await run('skopeo', ['inspect', `oci:${store.path}:localhost/committed:1`]);
  }));
