import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { removeTree } from './remove-tree.ts';

// Where systemd-nspawn keeps directories, and in newer versions mounts, by the name of the machine.
const RUNTIME = ['/run/systemd/nspawn/propagate', '/run/systemd/nspawn/unix-export', '/run/systemd/nspawn/fsmount'];

/** Removes what systemd-nspawn keeps for machines while they run and leaves there when it is killed: of those machines that `matches` says. */
export async function removeLeftovers(matches: (machine: string) => boolean): Promise<void> {
  for (const directory of RUNTIME) {
    const names = await readdir(directory).catch(() => []);
    for (const name of names.filter(matches)) await removeTree(join(directory, name));
  }
}

/** Removes the lock by which systemd-nspawn keeps a tree for itself: a file named after the tree's inode, left behind when it is killed. */
export async function removeTreeLock(root: string): Promise<void> {
  const inode = await stat(root).catch(() => undefined);
  if (inode) await rm(`/run/systemd/nspawn/locks/inode-${inode.dev}:${inode.ino}`, { force: true });
}
