import * as fs from 'node:fs';
import { join } from 'node:path';
import { diskError } from './blob.ts';
import { requireSpace } from './disk-space.ts';
import { badInput, SealosError } from './error.ts';
import { whiteoutOf } from './layer-files.ts';
import { pathTree } from './path-tree.ts';
import { shownName } from './shown-name.ts';
import type { TarHeader } from './tar.ts';
import type { TarItem } from './tar-read.ts';
import type { Unpacked } from './unpack.ts';
import { openRoot } from './unpack-root.ts';

/** A directory that layers are unpacked into, one after the other. */
export interface UnpackedTree {
  beginLayer(): void;
  put(item: TarItem): Promise<void>;
  /** Sets what has to be set last, the directories' modes and times, and sums up. */
  finish(): Unpacked;
}

// Synchronous calls: ten thousand small files would otherwise take ten times as long, and the layer is decompressed on other threads meanwhile.
export function openTree(root: string, options: { readonly owners: boolean }): UnpackedTree {
  const inside = openRoot(root);
  // What the present layer put: its whiteouts spare it.
  const written = new Set<string>();
  // Below these, whiteouts of the present layer have left nothing but what it put.
  const cleared = new Set<string>();
  const directories = pathTree<TarHeader>();
  const skipped: string[] = [];
  let entries = 0;
  let bytes = 0;

  const remove = (path: string): void => {
    // Were they kept, finish() would find other directories there, perhaps through a link that took this one's place.
    directories.remove(path);
    inside.forget();
    fs.rmSync(path, { recursive: true, force: true });
  };
  const removeUnwritten = (path: string): void => {
    if (!written.has(path)) remove(path);
    else clear(path);
  };
  const clear = (path: string): void => {
    if (cleared.has(path)) return;
    if (isDirectory(path)) for (const name of fs.readdirSync(path)) removeUnwritten(join(path, name));
    cleared.add(path);
  };
  const isCleared = (path: string): boolean => {
    for (let at = path; at.length >= root.length; at = at.slice(0, at.lastIndexOf('/'))) if (cleared.has(at)) return true;
    return false;
  };
  const whiteout = (target: { readonly path: string; readonly opaque: boolean }): void => {
    const path = inside.find(target.path);
    if (path === undefined || isCleared(path)) return;
    if (target.opaque) clear(path);
    else removeUnwritten(path);
  };
  const markWritten = (path: string): void => {
    for (let at = path; at.length > root.length && !written.has(at); at = at.slice(0, at.lastIndexOf('/'))) written.add(at);
  };
  const dress = (path: string, header: TarHeader): void => {
    if (options.owners) fs.lchownSync(path, header.uid, header.gid);
    if (header.type !== 'symlink') fs.chmodSync(path, header.mode); // after chown, which clears setuid
    fs.lutimesSync(path, header.mtime, header.mtime);
  };

  const putDirectory = (path: string, header: TarHeader): void => {
    if (!isDirectory(path)) {
      remove(path);
      fs.mkdirSync(path, { mode: 0o700 });
    }
    directories.set(path, header);
  };
  const putFile = async (path: string, item: TarItem): Promise<void> => {
    if (exists(path)) remove(path);
    await requireSpace(root, item.header.size, `'${shownName(item.header.path)}'`);
    const flags = fs.constants.O_CREAT | fs.constants.O_EXCL | fs.constants.O_WRONLY | fs.constants.O_NOFOLLOW;
    const file = fs.openSync(path, flags, 0o600);
    try {
      for await (const chunk of item.content()) {
        for (let at = 0; at < chunk.length; ) at += fs.writeSync(file, chunk, at);
        bytes += chunk.length;
      }
    } finally {
      fs.closeSync(file);
    }
    dress(path, item.header);
  };
  const putLink = (path: string, header: TarHeader): void => {
    if (header.type === 'symlink') {
      if (header.linkname === undefined) throw badInput('bad-archive', `'${shownName(header.path)}' is a link to nothing`);
      remove(path);
      fs.symlinkSync(header.linkname, path);
      dress(path, header);
      return;
    }
    const target = inside.find(header.linkname ?? '');
    if (target === undefined || target === path || !exists(target) || isDirectory(target)) {
      throw badInput(
        'bad-archive',
        `'${shownName(header.path)}' is a hard link to '${shownName(header.linkname ?? '')}', which is no file in the image`,
      );
    }
    remove(path);
    fs.linkSync(target, path);
  };

  const put = async (item: TarItem): Promise<void> => {
    const { header } = item;
    const target = whiteoutOf(header.path);
    if (target !== undefined) return whiteout(target);
    entries++;
    if (header.path === '') {
      if (header.type === 'directory') directories.set(root, header);
      return;
    }
    if (header.type === 'character' || header.type === 'block' || header.type === 'fifo') {
      skipped.push(header.path);
      return;
    }
    const path = inside.place(header.path);
    if (header.type === 'directory') putDirectory(path, header);
    else if (header.type === 'file') await putFile(path, item);
    else putLink(path, header);
    markWritten(path);
  };
  return {
    beginLayer() {
      written.clear();
      cleared.clear();
    },
    async put(item) {
      try {
        await put(item);
      } catch (error) {
        throw refusal(error, root, item.header.path);
      }
    },
    finish() {
      // The deepest first: setting a child's mode or time changes nothing above it any more.
      for (const [path, header] of directories.entries().sort(([a], [b]) => b.length - a.length))
        if (isDirectory(path)) dress(path, header);
      return { entries, bytes, skipped };
    },
  };
}

/** What the system refuses of a name or a number that it cannot have is wrong with the archive. */
function refusal(error: unknown, root: string, path: string): unknown {
  const known = diskError(error, join(root, shownName(path)));
  const code = known instanceof Error && !(known instanceof SealosError) && 'code' in known ? String(known.code) : undefined;
  const isArchives = code !== undefined && /^(ENAMETOOLONG|EINVAL|ELOOP|ENOTDIR|EISDIR|ENOENT|EOVERFLOW|EILSEQ|EMLINK|ERR_)/.test(code);
  return isArchives ? badInput('bad-archive', `'${shownName(path)}' cannot be unpacked (${code})`) : known;
}

function exists(path: string): boolean {
  return fs.lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

function isDirectory(path: string): boolean {
  return fs.lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
