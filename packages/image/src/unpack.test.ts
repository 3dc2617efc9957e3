import assert from 'node:assert/strict';
import { lstat, mkdir, readdir, readFile, readlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { directory, file, hardlink, makeImage, symlink, variedEntries, withDirectory } from '../../../test/support/images.ts';
import { openImage } from './image.ts';
import { parseReference } from './reference.ts';
import { openStore } from './store.ts';
import type { TarEntry } from './tar.ts';
import { type Unpacked, unpackImage } from './unpack.ts';

const REF = parseReference('localhost/test:1');
const isRoot = process.getuid?.() === 0;

interface Place {
  /** Where the image was unpacked. */
  readonly root: string;
  /** A directory beside it that nothing may touch; it holds `secret`. */
  readonly outside: string;
  readonly unpacked: Unpacked;
}

/** Unpacks layers beside a directory of which the test proves afterwards that nothing changed it. */
function unpacking(
  layers: (outside: string) => readonly (readonly TarEntry[])[],
  work: (place: Place) => Promise<void> = async () => {},
): Promise<void> {
  return withDirectory(async (path) => {
    const outside = join(path, 'outside');
    await mkdir(outside, { mode: 0o711 });
    await writeFile(join(outside, 'secret'), 'untouched', { mode: 0o600 });
    await using store = await openStore(join(path, 'store'));
    await makeImage(store, { layers: layers(outside) });
    const root = join(path, 'root');
    try {
      const unpacked = await unpackImage(store, await openImage(store, REF), root);
      await work({ root, outside, unpacked });
    } catch (error) {
      await assert.rejects(lstat(root), { code: 'ENOENT' }, 'a failed unpacking leaves no directory');
      throw error;
    } finally {
      assert.deepEqual(await readdir(outside), ['secret']);
      assert.equal(await readFile(join(outside, 'secret'), 'utf8'), 'untouched');
      assert.equal((await lstat(join(outside, 'secret'))).mode & 0o777, 0o600);
      assert.equal((await lstat(outside)).mode & 0o777, 0o711);
      assert.deepEqual(
        (await readdir(path)).filter((name) => !['outside', 'root', 'store'].includes(name)),
        [],
      );
    }
  });
}

test('modes, owners, times and links arrive as they were', () =>
  unpacking(
    () => [variedEntries()],
    async ({ root, unpacked }) => {
      for (const entry of variedEntries()) {
        const stat = await lstat(join(root, entry.path));
        if (entry.type === 'symlink') assert.equal(await readlink(join(root, entry.path)), entry.linkname);
        else if (entry.type !== 'hardlink') assert.equal(stat.mode & 0o7777, entry.mode, entry.path);
        if (entry.type === 'file') assert.equal(await readFile(join(root, entry.path), 'utf8'), entry.content?.toString());
        assert.equal(stat.mtimeMs / 1000, entry.mtime, entry.path);
        if (isRoot) assert.deepEqual([stat.uid, stat.gid], [entry.uid, entry.gid], entry.path);
      }
      assert.equal((await lstat(join(root, 'bin/run'))).ino, (await lstat(join(root, 'bin/run-again'))).ino);
      assert.equal(unpacked.entries, variedEntries().length);
    },
  ));

test('whiteouts delete what is below them, never what their own layer brought, in any order', () =>
  unpacking(
    () => [
      [
        directory('d'),
        file('d/low'),
        directory('d/sub'),
        file('d/sub/low'),
        file('gone'),
        directory('tree'),
        file('tree/x'),
        directory('p'),
        file('p/low'),
      ],
      [
        file('d/high'),
        file('d/sub/high'),
        file('d/.wh..wh..opq'),
        file('.wh.gone'),
        file('.wh.tree'),
        file('.wh.never-there'),
        file('p/new'),
        file('.wh.p'),
      ],
    ],
    async ({ root }) => {
      const names = await readdir(root, { recursive: true });
      assert.deepEqual(names.sort(), ['d', 'd/high', 'd/sub', 'd/sub/high', 'p', 'p/new']);
    },
  ));

test('an upper layer turns files into directories, directories into links, and back', () =>
  unpacking(
    () => [
      [file('a', 'file'), directory('b'), file('b/x'), symlink('c', 'b'), file('e', 'one'), hardlink('f', 'e')],
      [directory('a'), file('a/in'), symlink('b', 'a'), directory('c'), file('c/own'), file('f', 'two')],
    ],
    async ({ root }) => {
      assert.deepEqual((await readdir(join(root, 'a'))).sort(), ['in']);
      assert.equal(await readlink(join(root, 'b')), 'a');
      assert.deepEqual(await readdir(join(root, 'c')), ['own']);
      assert.equal(await readFile(join(root, 'e'), 'utf8'), 'one', 'writing one name of a file does not write the other');
    },
  ));

test('links are followed inside the root as if it were /, as merged-usr images need', () =>
  unpacking(
    () => [
      [directory('usr'), directory('usr/lib'), symlink('lib', 'usr/lib'), directory('run'), directory('var'), symlink('var/run', '/run')],
      [file('lib/new', 'in usr'), file('var/run/pid', '1')],
    ],
    async ({ root }) => {
      assert.equal(await readFile(join(root, 'usr/lib/new'), 'utf8'), 'in usr');
      assert.equal(await readFile(join(root, 'run/pid'), 'utf8'), '1');
    },
  ));

test('device nodes and pipes are left out and told', () =>
  unpacking(
    () => [[{ ...file('null'), type: 'character', device: { major: 1, minor: 3 } }, { ...file('pipe'), type: 'fifo' }, file('kept')]],
    async ({ root, unpacked }) => {
      assert.deepEqual(await readdir(root), ['kept']);
      assert.deepEqual(unpacked.skipped, ['null', 'pipe']);
    },
  ));

test('absolute links and links upwards lead to the root of the image, not of this machine', () =>
  unpacking(
    (outside) => [
      [symlink('absolute', outside), symlink('up', '../outside'), symlink('far', `${'../'.repeat(40)}${outside.slice(1)}`)],
      [file('absolute/secret', 'stolen'), file('up/secret', 'stolen'), file('far/secret', 'stolen')],
    ],
    async ({ root, outside }) => {
      assert.equal(await readFile(join(root, outside, 'secret'), 'utf8'), 'stolen');
      assert.equal(await readFile(join(root, 'outside/secret'), 'utf8'), 'stolen');
    },
  ));

test('absolute names are names below the root', () =>
  unpacking(
    (outside) => [[{ ...file('x'), path: `${outside}/secret` }]],
    async ({ root, outside }) => assert.ok(await lstat(join(root, outside, 'secret'))),
  ));

test('a file in the place of a link replaces the link and not what it points to', () =>
  unpacking(
    (outside) => [[symlink('x', `${outside}/secret`), file('x', 'mine')], [symlink('y', `${outside}/secret`)], [file('y', 'mine')]],
    async ({ root }) => assert.equal(await readFile(join(root, 'y'), 'utf8'), 'mine'),
  ));

test('a directory that a link replaced later takes no modes and times through it', () =>
  unpacking((outside) => [
    [directory('a', { mode: 0o777 }), directory('a/outside', { mode: 0o777, uid: 7 })],
    [symlink('a', join(outside, '..'))],
    [symlink('b', outside), directory('c', { mode: 0o777 }), symlink('c', outside)],
  ]));

test('a hard link to a link that leads out is one to the link', () =>
  unpacking(
    (outside) => [[symlink('link', `${outside}/secret`), hardlink('other', 'link')], [file('other', 'mine')]],
    async ({ root }) => assert.equal(await readFile(join(root, 'other'), 'utf8'), 'mine'),
  ));

test('whiteouts through links delete nothing outside', () =>
  unpacking((outside) => [
    [symlink('x', outside), symlink('u', '..')],
    [file('x/.wh.secret'), file('u/outside/.wh..wh..opq'), file('x/.wh..wh..opq')],
  ]));

const hostile: Readonly<Record<string, (outside: string) => readonly TarEntry[]>> = {
  'a name that climbs out': () => [file('../outside/secret')],
  'a name that climbs out half-way': () => [directory('a'), file('a/../../outside/secret')],
  'a directory that climbs out': () => [directory('../outside')],
  'a link that climbs out by its own name': () => [symlink('../outside/link', 'x')],
  'a hard link to a name that climbs out': () => [hardlink('x', '../outside/secret')],
  'a hard link to a file of this machine': (outside) => [hardlink('x', `${outside}/secret`)],
  'a hard link through a link that leads out': (outside) => [symlink('l', outside), hardlink('x', 'l/secret')],
  'a hard link to a directory': () => [directory('d'), hardlink('x', 'd')],
  'a hard link to itself': () => [file('x'), hardlink('x', 'x')],
  'a hard link to nothing': () => [hardlink('x', 'never')],
  'a circle of links as parent': () => [symlink('a', 'b'), symlink('b', 'a'), file('a/x')],
  'a file as parent': () => [file('a'), file('a/b')],
  'a whiteout that climbs out': () => [file('../outside/.wh.secret')],
  'a whiteout of the parent': () => [directory('a'), file('a/.wh...')],
  'a whiteout of itself': () => [directory('a'), file('a/.wh..')],
};

for (const [what, entries] of Object.entries(hostile)) {
  test(`refused, touching nothing outside: ${what}`, async () => {
    await assert.rejects(
      unpacking((outside) => [entries(outside)]),
      { code: 'bad-archive', exitCode: 2 },
    );
  });
}

test('a directory that holds something is not unpacked into', () =>
  withDirectory(async (path) => {
    await using store = await openStore(join(path, 'store'));
    await makeImage(store, { layers: [[file('a')]] });
    const image = await openImage(store, REF);
    await assert.rejects(unpackImage(store, image, path), { code: 'not-empty', exitCode: 2 });
    await mkdir(join(path, 'empty'));
    await unpackImage(store, image, join(path, 'empty'));
    assert.deepEqual(await readdir(join(path, 'empty')), ['a']);
  }));

test('a damaged layer or an abort leaves no directory', () =>
  withDirectory(async (path) => {
    await using store = await openStore(join(path, 'store'));
    await makeImage(store, { layers: [[file('a', 'x'.repeat(100_000))], [file('b')]] });
    const image = await openImage(store, REF);
    const aborted = unpackImage(store, image, join(path, 'a', 'b'), { signal: AbortSignal.abort() });
    await assert.rejects(aborted, { name: 'AbortError' });
    await writeFile(store.blobPath(image.layers[1]?.digest ?? image.descriptor.digest), 'damaged');
    await assert.rejects(unpackImage(store, image, join(path, 'a', 'b')), { code: /^(content-mismatch|bad-compression)$/ });
    assert.deepEqual(await readdir(path), ['store']);
  }));

test('a directory is emptied once, however many whiteouts say so', { timeout: 60_000 }, () => {
  const count = 3000;
  const names = Array.from({ length: count }, (_, at) => `${at}`);
  const lower = [
    directory('d'),
    file('d/old', 'x'),
    directory('d/deep'),
    file('d/deep/old', 'x'),
    ...names.map((name) => directory(`e/${name}`)),
  ];
  const upper = [
    directory('d'),
    ...names.map((name) => file(`d/${name}`, '')),
    directory('d/deep'),
    file('d/deep/new', ''),
    file('d/deep/.wh..wh..opq', ''),
    ...names.flatMap((name) => [file('d/.wh..wh..opq', ''), file('.wh.d', ''), file(`e/.wh.${name}`, '')]),
  ];
  return unpacking(
    () => [lower, upper],
    async ({ root }) => {
      assert.deepEqual(await readdir(join(root, 'd', 'deep')), ['new']);
      assert.equal((await readdir(join(root, 'd'))).length, count + 1);
      assert.deepEqual(await readdir(join(root, 'e')), []);
    },
  );
});
