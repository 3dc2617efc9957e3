// Archives of ours are loaded by skopeo, buildah and containerd; archives of theirs are loaded by us; the file trees are the same.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { before, test } from 'node:test';
import { loadArchive, openImage, openStore, parseReference, type Store, saveArchive, unpackImage } from '../../packages/image/src/index.ts';
import { ensureInstalled } from '../../scripts/debian.ts';
import { startContainerd } from '../support/containerd.ts';
import { directory, file, makeImage, variedEntries, withDirectory } from '../support/images.ts';
import { buildahIn, run } from '../support/programs.ts';
import { assertSameTree } from '../support/trees.ts';

before(() => ensureInstalled(['skopeo', 'buildah', 'zstd']));

const NAME = 'registry.example.org:5000/team/app:1.2';
const REF = parseReference(NAME);
const FORMATS = ['oci-archive', 'docker-archive'] as const;

const layers = [
  [directory('top'), ...variedEntries()],
  [directory('top'), file('top/new', 'y', { uid: 3, gid: 4, mode: 0o4711 }), file('.wh.owned'), directory('bin'), file('bin/.wh.run')],
];

/** A store with one image, unpacked in `expected`. */
async function prepare(path: string, compression: 'zstd' | 'gzip'): Promise<Store> {
  const store = await openStore(join(path, 'store'));
  await makeImage(store, { name: NAME, layers, compression, config: { Cmd: ['/bin/run-again'] } });
  await unpackImage(store, await openImage(store, REF), join(path, 'expected'));
  return store;
}

for (const format of FORMATS) {
  test(`${format}: skopeo and buildah load what we save`, () =>
    withDirectory(async (path) => {
      await using store = await prepare(path, 'zstd');
      const archive = join(path, 'image.tar');
      await saveArchive(store, [REF], archive, { format });
      const inspected = JSON.parse(await run('skopeo', ['inspect', '--config', `${format}:${archive}:${NAME}`]));
      assert.deepEqual(inspected.config, { Cmd: ['/bin/run-again'] });
      const buildah = buildahIn(path);
      const container = await buildah('from', '--quiet', `${format}:${archive}`);
      await assertSameTree(await buildah('mount', container), join(path, 'expected'), { directoryTimes: false });
      await buildah('rm', container);
    }));

  test(`${format}: containerd imports what we save, under its name, and unpacks the same tree`, () =>
    withDirectory(async (path) => {
      await using containerd = await startContainerd(join(path, 'containerd'));
      for (const compression of ['zstd', 'gzip'] as const) {
        const own = join(path, compression);
        await using store = await prepare(own, compression);
        const archive = join(own, 'image.tar');
        await saveArchive(store, [REF], archive, { format });
        await containerd.ctr('images', 'import', '--snapshotter', 'native', archive);
        assert.match(await containerd.ctr('images', 'ls', '-q'), new RegExp(`^${NAME}$`, 'm'));
        const mounted = join(own, 'mounted');
        await mkdir(mounted);
        await containerd.ctr('images', 'mount', '--snapshotter', 'native', NAME, mounted);
        try {
          await assertSameTree(mounted, join(own, 'expected'));
        } finally {
          await containerd.ctr('images', 'unmount', '--rm', mounted);
        }
        await containerd.ctr('images', 'rm', '--sync', NAME);
      }
    }));

  test(`${format}: we load what buildah and skopeo save, also through gzip and zstd and a pipe`, () =>
    withDirectory(async (path) => {
      await using made = await prepare(path, 'gzip');
      const buildah = buildahIn(path);
      const container = await buildah('from', '--quiet', `oci:${made.path}:${NAME}`);
      const root = await buildah('mount', container);
      await run('sh', [
        '-c',
        'rm -r "$0"/sticky && echo 1 > "$0"/top/first && ln "$0"/top/first "$0"/top/second && chmod 751 "$0"/empty && touch -d @5 "$0"/empty',
        root,
      ]);
      await run('cp', ['-a', root, join(path, 'changed')]);
      await buildah('commit', '--quiet', container, NAME);
      const archive = join(path, 'image.tar');
      await buildah('push', '--quiet', NAME, `${format}:${archive}:${NAME}`);
      await buildah('rm', container);
      await run('skopeo', ['copy', '--quiet', `${format}:${archive}:${NAME}`, `${format}:${join(path, 'copy.tar')}:${NAME}`]);
      await run('gzip', ['-k', archive]);
      await run('zstd', ['-q', archive]);

      for (const name of ['image.tar', 'copy.tar', 'image.tar.gz', 'image.tar.zst', '-']) {
        await using store = await openStore(join(path, `loaded-${name}`));
        const pipe = spawn('cat', [join(path, 'image.tar.gz')], { stdio: ['ignore', 'pipe', 'inherit'] });
        const images = await loadArchive(store, name === '-' ? '-' : join(path, name), { stdin: pipe.stdout });
        pipe.kill();
        assert.deepEqual(
          images.map(({ reference }) => reference),
          [REF],
        );
        const image = await openImage(store, REF);
        assert.deepEqual(image.config.config?.Cmd, ['/bin/run-again']);
        await unpackImage(store, image, join(path, `tree-${name}`));
        await assertSameTree(join(path, `tree-${name}`), join(path, 'changed'));
      }
    }));
}

test('an archive is the same through a pipe as in a file, its names in order', () =>
  withDirectory(async (path) => {
    await using store = await prepare(path, 'zstd');
    const output = new PassThrough();
    const bytes = buffer(output);
    await saveArchive(store, [REF], output);
    output.end();
    await saveArchive(store, [REF], join(path, 'image.tar'));
    assert.ok((await bytes).equals(await readFile(join(path, 'image.tar'))));
    const names = (await run('tar', ['-tf', join(path, 'image.tar')])).trim().split('\n');
    assert.deepEqual(names, [...names].sort());
    assert.deepEqual(
      names.filter((name) => !name.startsWith('blobs/')),
      ['index.json', 'oci-layout'],
    );
    assert.equal(
      (await readdir(path)).some((name) => name.endsWith('.tmp')),
      false,
    );
  }));
