import { lstat, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { TarEntry, TarHeader } from './tar.ts';

/** What stands in for the owner and mode that a file has on this machine. */
export interface EntryOverrides {
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
  /** Permission bits for all, e.g. 0o755. */
  readonly mode?: number | undefined;
}

/** A file, directory or link of this machine as an entry named `path`; undefined for sockets, pipes and devices. Its content is read when it is written. */
export async function entryOf(file: string, path: string, overrides: EntryOverrides = {}): Promise<TarEntry | undefined> {
  const stat = await lstat(file);
  const common = {
    path,
    mode: overrides.mode !== undefined && !stat.isSymbolicLink() ? overrides.mode : stat.mode & 0o7777,
    uid: overrides.uid ?? stat.uid,
    gid: overrides.gid ?? stat.gid,
    mtime: Math.floor(stat.mtimeMs / 1000),
  } satisfies Omit<TarHeader, 'type' | 'size'>;
  if (stat.isDirectory()) return { ...common, type: 'directory', size: 0 };
  if (stat.isSymbolicLink()) return { ...common, type: 'symlink', size: 0, linkname: await readlink(file) };
  if (!stat.isFile()) return undefined;
  if (stat.size === 0) return { ...common, type: 'file', size: 0 };
  return { ...common, type: 'file', size: stat.size, content: { file } };
}

/**
 * Everything below a directory, sorted by name at each level, a directory before what it holds; further names of one file are
 * hard links. `prefix` is the path in the image, empty for its root.
 */
export async function* entriesIn(directory: string, prefix = '', overrides: EntryOverrides = {}): AsyncGenerator<TarEntry> {
  const firstNames = new Map<string, string>();
  const walk = async function* (at: string, path: string): AsyncGenerator<TarEntry> {
    const names = (await readdir(at)).sort((a, b) => (a < b ? -1 : 1));
    for (const name of names) {
      const file = join(at, name);
      const inner = path === '' ? name : `${path}/${name}`;
      const entry = await entryOf(file, inner, overrides);
      if (entry === undefined) continue;
      yield await linked(entry, file);
      if (entry.type === 'directory') yield* walk(file, inner);
    }
  };
  const linked = async (entry: TarEntry, file: string): Promise<TarEntry> => {
    if (entry.type !== 'file') return entry;
    const { dev, ino, nlink } = await lstat(file);
    if (nlink < 2) return entry;
    const first = firstNames.get(`${dev}:${ino}`);
    if (first === undefined) {
      firstNames.set(`${dev}:${ino}`, entry.path);
      return entry;
    }
    const { content: _, ...header } = entry;
    return { ...header, type: 'hardlink', size: 0, linkname: first };
  };
  yield* walk(directory, prefix);
}
