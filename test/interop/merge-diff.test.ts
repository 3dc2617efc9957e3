// `sealos merge` and `sealos diff` against what cp, diff and buildah make of the same images.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { before, test } from 'node:test';
import { diffImages, mergeImages, openImage, openStore, parseReference, type Store, type TarEntry, unpackImage } from '@sealos/image';
import { ensureInstalled } from '../../scripts/debian.ts';
import { directory, file, hardlink, makeImage, symlink, variedEntries, withDirectory } from '../support/images.ts';
import { buildahIn, run } from '../support/programs.ts';
import { assertSameTree } from '../support/trees.ts';

before(() => ensureInstalled(['skopeo', 'buildah']));

const sealos = join(dirname(dirname(import.meta.dirname)), 'sealos');

function call(directory: string, ...args: readonly string[]) {
  const env = { ...process.env, SEALOS_STORAGE: join(directory, 'store'), HOME: directory };
  const result = spawnSync(sealos, args, { env, encoding: 'utf8', cwd: directory, input: '' });
  return { status: result.status, stdout: result.stdout, stderr: result.stderr };
}

const name = (text: string) => parseReference(`localhost/${text}:1`);

async function unpacked(store: Store, image: string, into: string): Promise<string> {
  await unpackImage(store, await openImage(store, name(image)), into);
  return into;
}

const rootfs: readonly (readonly TarEntry[])[] = [
  [
    ...variedEntries().filter(({ path }) => !path.startsWith('etc')),
    directory('etc'),
    file('etc/conf', 'of the rootfs'),
    file('etc/own', 'of the rootfs'),
  ],
  [directory('opt'), directory('opt/data'), file('opt/data/kept', 'kept'), file('bin/second', 'x', { mode: 0o755 })],
];
const application: readonly (readonly TarEntry[])[] = [
  [directory('etc'), file('etc/conf', 'to go'), directory('opt'), directory('opt/data'), file('opt/data/low', 'low'), file('early', 'e')],
  // What is deleted here is the application's own: the rootfs's file of the same name stays, and so does what it has in opt/data.
  [
    file('etc/.wh.conf'),
    directory('opt/data'),
    file('opt/data/.wh..wh..opq'),
    file('opt/data/high', 'high'),
    hardlink('early-too', 'early'),
  ],
];
const addition: readonly (readonly TarEntry[])[] = [[directory('etc'), file('etc/own', 'of the addition'), symlink('etc/link', 'own')]];

test('a merge shows what copying the images over one another makes, with the layers themselves where nothing is deleted', () =>
  withDirectory(async (work) => {
    await using store = await openStore(join(work, 'store'));
    const layer = { compression: 'gzip' } as const;
    const labels = (more: object) => ({ Labels: { 'sealos.io.type': 'application', common: 'x', ...more } });
    await makeImage(store, {
      ...layer,
      name: 'localhost/rootfs:1',
      layers: rootfs,
      config: { ...labels({ 'sealos.io.type': 'rootfs', common: 'rootfs' }), Env: ['PATH=/bin', 'A=1', 'B=1'], Cmd: ['init'] },
    });
    await makeImage(store, {
      ...layer,
      name: 'localhost/application:1',
      layers: application,
      config: { ...labels({ common: 'application' }), Env: ['PATH=/usr', 'B=two = 2', 'C=3'], Entrypoint: ['start'], Cmd: ['go $(A)'] },
    });
    await makeImage(store, { ...layer, name: 'localhost/addition:1', layers: addition, config: { Cmd: ['last'] } });
    const blobs = async (text: string) => (await openImage(store, name(text))).layers.map(({ digest }) => digest);

    const images = ['rootfs', 'application', 'addition'].map((text) => `localhost/${text}:1`);
    const result = call(work, 'merge', '-t', 'localhost/all:1', '--label', 'given=yes', '--env', 'C=given', ...images);
    assert.equal(result.status, 0, result.stderr);
    mkdirSync(join(work, 'expected'));
    for (const text of ['rootfs', 'application', 'addition']) {
      await unpacked(store, text, join(work, text));
      await run('cp', ['-aT', join(work, text), join(work, 'expected')]);
    }
    await assertSameTree(await unpacked(store, 'all', join(work, 'all')), join(work, 'expected'), { directoryTimes: false });
    const layers = await blobs('all');
    assert.deepEqual(layers.slice(0, 2), await blobs('rootfs'));
    assert.deepEqual(layers.slice(3), await blobs('addition'));
    assert.equal(layers.length, 4);

    const buildah = buildahIn(work);
    const container = await buildah('from', '--quiet', `oci:${store.path}:localhost/all:1`);
    await assertSameTree(await buildah('mount', container), join(work, 'expected'), { directoryTimes: false });
    const { config } = JSON.parse(await run('skopeo', ['inspect', '--config', `oci:${store.path}:localhost/all:1`]));
    assert.deepEqual(config, {
      Labels: { 'sealos.io.type': 'rootfs', common: 'application', given: 'yes' },
      Env: ['A=1', 'B=two = 2', 'C=given'],
      Entrypoint: ['start'],
      Cmd: ['init', 'go $(A)', 'last'],
    });

    // Without deletions not one byte is written but the two documents.
    await mergeImages(store, [name('rootfs'), name('addition')], { names: [name('plain')] });
    assert.deepEqual(await blobs('plain'), [...(await blobs('rootfs')), ...(await blobs('addition'))]);
    await makeImage(store, { name: 'localhost/other:1', architecture: 's390x', layers: addition });
    for (const [args, says] of [
      [['-t', 'localhost/x:1', images[0] ?? ''], /two images or more/],
      [['-t', 'localhost/x:1', images[0] ?? '', 'localhost/other:1'], /localhost\/other:1 for linux\/s390x/],
    ] as const) {
      const refused = call(work, 'merge', ...args);
      assert.equal(refused.status, 2, refused.stderr);
      assert.match(refused.stderr, says);
    }
  }));

const before1: readonly (readonly TarEntry[])[] = [
  [
    ...variedEntries(),
    directory('d'),
    file('d/same', 'same'),
    file('d/content', 'abc'),
    file('d/longer', 'abc'),
    file('d/mode', 'm', { mode: 0o644 }),
    file('d/owner', 'o', { uid: 1 }),
    file('d/touched', 't', { mtime: 1 }),
    file('d/became-a-link', 'x'),
    symlink('d/link', 'same'),
    file('gone', 'x'),
    directory('gone-directory'),
    file('gone-directory/file', 'x'),
    directory('registry'),
    file('registry/blob', 'one'),
    hardlink('d/name-of-same', 'd/same'),
  ],
];
const after1: readonly (readonly TarEntry[])[] = [
  ...before1,
  [
    file('.wh.gone'),
    file('.wh.gone-directory'),
    file('d/content', 'abd'),
    file('d/longer', 'abcd'),
    file('d/mode', 'm', { mode: 0o600 }),
    file('d/owner', 'o', { uid: 2 }),
    file('d/touched', 't', { mtime: 2 }),
    file('d/.wh.became-a-link'),
    directory('new'),
    file('new/file', 'n'.repeat(100_000)),
    hardlink('new/again', 'new/file'),
    file('registry/blob', 'two'),
  ],
  [symlink('d/became-a-link', 'same'), symlink('d/link', 'content'), file('d/same-again', 'same'), hardlink('new/third', 'new/file')],
];

test('diff finds what differs and nothing else, also where contents have the same size, and files have several names', () =>
  withDirectory(async (work) => {
    await using store = await openStore(join(work, 'store'));
    await makeImage(store, { name: 'localhost/before:1', layers: before1 });
    await makeImage(store, { name: 'localhost/after:1', layers: after1, compression: 'gzip' });
    const [from, to] = [await openImage(store, name('before')), await openImage(store, name('after'))];
    const changes = await diffImages(store, from, to);
    const short = changes.map(({ path, change, differs }) => `${change} ${path}${differs === undefined ? '' : ` ${differs.join()}`}`);
    assert.deepEqual(short, [
      'changed d/became-a-link type',
      'changed d/content content',
      'changed d/link target',
      'changed d/longer content',
      'changed d/mode mode',
      'changed d/owner owner',
      'added d/same-again',
      'deleted gone',
      'deleted gone-directory',
      'deleted gone-directory/file',
      'added new',
      'added new/again',
      'added new/file',
      'added new/third',
      'changed registry/blob content',
    ]);
    // diff(1) on the trees finds the same contents and names.
    await unpacked(store, 'before', join(work, 'before'));
    await unpacked(store, 'after', join(work, 'after'));
    const theirs = spawnSync('diff', ['-rq', '--no-dereference', 'before', 'after'], { cwd: work, encoding: 'utf8', env: { LC_ALL: 'C' } });
    assert.deepEqual(
      theirs.stdout
        .trim()
        .split('\n')
        .map((line) =>
          line
            .replace(/^Files before\/(\S+) .*$/, '$1')
            .replace(/^Symbolic links before\/(\S+) .*/, '$1')
            .replace(/^File before\/(\S+) is .*$/, '$1')
            .replace(/^Only in \w+\/?(\S*): (\S+)$/, (_, at, file) => (at === '' ? file : `${at}/${file}`)),
        ),
      ['d/became-a-link', 'd/content', 'd/link', 'd/longer', 'd/same-again', 'gone', 'gone-directory', 'new', 'registry/blob'],
    );
    const { stdout } = call(work, 'diff', '-o', 'json', 'localhost/before:1', 'localhost/after:1');
    const shown = JSON.parse(stdout);
    assert.deepEqual(Object.keys(shown), ['from', 'to', 'added', 'changed', 'deleted']);
    assert.deepEqual(shown.changed[3], { path: 'd/longer', type: 'file', size: 4, oldSize: 3, differs: ['content'] });
    assert.match(call(work, 'diff', 'localhost/before:1', 'localhost/after:1').stdout, /^changed +3 B -> 4 B +\/d\/longer$/m);
    assert.deepEqual(await diffImages(store, to, to), []);
  }));

test('a patch laid over the first image makes the second, but for registry/ and what it deleted, which is said', () =>
  withDirectory(async (work) => {
    await using store = await openStore(join(work, 'store'));
    const config = { Labels: { 'sealos.io.type': 'rootfs', version: 'v1.30.1', image: 'lvscare:1' }, Env: ['PATH=/bin', 'a=1', 'b=1'] };
    await makeImage(store, { name: 'localhost/before:1', layers: before1, config });
    const changed = { Labels: { ...config.Labels, image: 'lvscare:2' }, Env: ['PATH=/usr/bin', 'a=1', 'b=2'] };
    await makeImage(store, { name: 'localhost/after:1', layers: after1, config: changed });
    const result = call(work, 'diff', '--patch', '-t', 'localhost/patch:1', 'localhost/before:1', 'localhost/after:1');
    assert.equal(result.status, 0, result.stderr);
    assert.match(result.stderr, /warning: a patch takes nothing away: 3 paths, such as gone of the first image stay/);
    const inspected = JSON.parse(await run('skopeo', ['inspect', '--config', `oci:${store.path}:localhost/patch:1`]));
    assert.deepEqual(inspected.config, { Env: ['b=2'], Labels: { image: 'lvscare:2', 'sealos.io.type': 'patch' } });

    const buildah = buildahIn(work);
    const patch = await buildah('mount', await buildah('from', '--quiet', `oci:${store.path}:localhost/patch:1`));
    const patched = await unpacked(store, 'before', join(work, 'patched'));
    rmSync(join(patched, 'd', 'became-a-link'));
    await run('cp', ['-aT', patch, patched]);
    const expected = await unpacked(store, 'after', join(work, 'after'));
    for (const path of ['gone', 'gone-directory']) rmSync(join(patched, path), { recursive: true });
    for (const tree of [patched, expected]) {
      rmSync(join(tree, 'registry'), { recursive: true });
      // Its time alone is another, which is no difference.
      rmSync(join(tree, 'd', 'touched'));
    }
    await assertSameTree(patched, expected, { directoryTimes: false });

    const nothing = call(work, 'diff', '--patch', '-t', 'localhost/patch:2', 'localhost/after:1', 'localhost/after:1');
    assert.equal(nothing.status, 2);
    assert.match(nothing.stderr, /there is no patch to make/);
  }));
