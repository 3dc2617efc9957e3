import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseMounts, removeTree } from './remove-tree.ts';

test('a mount table gives points and types; blanks in a name are written as octal', () => {
  const text = '42 1 0:5 /sub /mnt/with\\040blank rw shared:1 master:2 - tmpfs tmpfs rw,size=4k\n';
  assert.deepEqual(parseMounts(text), [{ root: '/sub', point: '/mnt/with blank', type: 'tmpfs', options: ['rw', 'size=4k'] }]);
});

test('a tree is removed with its immutable files, and what is bind-mounted in it keeps its content', {
  skip: process.getuid?.() !== 0,
}, async () => {
  const directory = await mkdtemp(join(tmpdir(), 'lab-remove-'));
  const tree = join(directory, 'tree with blank');
  const elsewhere = join(directory, 'elsewhere');
  try {
    await mkdir(join(tree, 'mounted'), { recursive: true });
    await mkdir(elsewhere);
    await writeFile(join(elsewhere, 'precious'), 'kept');
    await writeFile(join(tree, 'immutable'), '');
    assert.equal(spawnSync('mount', ['--bind', elsewhere, join(tree, 'mounted')]).status, 0);
    spawnSync('chattr', ['+i', join(tree, 'immutable')]); // not every file system knows the flag
    await removeTree(tree);
    await assert.rejects(stat(tree), { code: 'ENOENT' });
    assert.equal(await readFile(join(elsewhere, 'precious'), 'utf8'), 'kept');
    await removeTree(tree); // gone already: no error
  } finally {
    spawnSync('umount', ['-q', join(tree, 'mounted')]);
    spawnSync('chattr', ['-i', join(tree, 'immutable')]);
    await rm(directory, { recursive: true, force: true });
  }
});
