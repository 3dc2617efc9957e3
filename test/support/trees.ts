// What two file trees have to have in common to be the same.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { lstat, readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';

/** Every path below a directory with its type, mode, owner, time, and content or target; names of one file are told by the first of them. */
export async function treeOf(root: string): Promise<readonly string[]> {
  const firstNames = new Map<number, string>();
  const lines: string[] = [];
  for (const name of await namesIn(root, '')) {
    const path = join(root, name);
    const stat = await lstat(path);
    const first = firstNames.get(stat.ino);
    firstNames.set(stat.ino, first ?? name);
    const what = stat.isDirectory()
      ? 'directory'
      : stat.isSymbolicLink()
        ? `link ${await readlink(path)}`
        : `file ${createHash('sha256')
            .update(await readFile(path))
            .digest('hex')}`;
    const again = first === undefined ? '' : ` same as ${first}`;
    // The kernel gives links the mode 777 whatever was asked for.
    lines.push(`${name}: ${what} ${(stat.mode & 0o7777).toString(8)} ${stat.uid}:${stat.gid} ${Math.floor(stat.mtimeMs / 1000)}${again}`);
  }
  return lines;
}

/** Fails with the lines that only one of the trees has. `directoryTimes: false` is for programs that do not keep those. */
export async function assertSameTree(actual: string, expected: string, options: { readonly directoryTimes?: boolean } = {}): Promise<void> {
  const lines = async (root: string) =>
    (await treeOf(root)).map((line) => (options.directoryTimes === false ? line.replace(/(: directory .*) \d+$/, '$1') : line));
  const [ours, theirs] = [await lines(actual), await lines(expected)];
  const only = (some: readonly string[], others: readonly string[]) => some.filter((line) => !others.includes(line));
  assert.deepEqual(only(ours, theirs), only(theirs, ours));
  assert.ok(ours.length > 0, 'a tree is empty');
}

// Not readdir's own recursion: that follows links to directories.
async function namesIn(root: string, below: string): Promise<readonly string[]> {
  const names: string[] = [];
  for (const entry of await readdir(join(root, below), { withFileTypes: true })) {
    const name = below === '' ? entry.name : `${below}/${entry.name}`;
    names.push(name, ...(entry.isDirectory() ? await namesIn(root, name) : []));
  }
  return names.sort();
}
