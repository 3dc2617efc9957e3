import { type BigIntStats, lstatSync, readlinkSync } from 'node:fs';
import type { EntryOverrides } from '../layer-entries.ts';
import type { TarEntry } from '../tar.ts';

/** A file, directory or link as COPY takes it. */
export interface ContextEntry {
  readonly entry: TarEntry;
  /** The same as long as nobody changes the file: device, number, size and the times of its content and of its inode. */
  readonly identity: string;
  /** The inode's last change, nanoseconds since 1970. */
  readonly changed: bigint;
  /** Set when the file has several names. */
  readonly shared: string | undefined;
}

/** Looks at a file of this machine once; undefined for sockets, pipes and devices. Its content is read when it is written. */
export function contextEntry(file: string, path: string, overrides: EntryOverrides): ContextEntry | undefined {
  // Not awaited: for ten thousand files the turns of the event loop would cost ten times what the calls do.
  const stat = lstatSync(file, { bigint: true });
  const entry = entryFrom(stat, file, path, overrides);
  if (entry === undefined) return undefined;
  const inode = `${stat.dev}:${stat.ino}`;
  return {
    entry,
    identity: `${inode}:${stat.size}:${stat.mtimeNs}:${stat.ctimeNs}`,
    changed: stat.ctimeNs,
    shared: stat.isFile() && stat.nlink > 1n ? inode : undefined,
  };
}

function entryFrom(stat: BigIntStats, file: string, path: string, overrides: EntryOverrides): TarEntry | undefined {
  const common = {
    path,
    mode: overrides.mode !== undefined && !stat.isSymbolicLink() ? overrides.mode : Number(stat.mode & 0o7777n),
    uid: overrides.uid ?? Number(stat.uid),
    gid: overrides.gid ?? Number(stat.gid),
    mtime: Math.floor(Number(stat.mtimeMs) / 1000),
  };
  if (stat.isDirectory()) return { ...common, type: 'directory', size: 0 };
  if (stat.isSymbolicLink()) return { ...common, type: 'symlink', size: 0, linkname: readlinkSync(file) };
  if (!stat.isFile()) return undefined;
  const size = Number(stat.size);
  if (size === 0) return { ...common, type: 'file', size };
  return { ...common, type: 'file', size, content: { file } };
}
