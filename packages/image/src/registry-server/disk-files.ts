import { mkdir, open, readdir, readFile, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { diskError, openBlobWriter } from '../blob.ts';
import { badInput } from '../error.ts';
import { openDrafts, putInPlace, removeUnfinished } from '../saved-registry/drafts.ts';
import type { Draft, RegistryFiles } from './files.ts';

const READ_AHEAD = 1024 * 1024;

/** Makes a registry's directory when it is missing. Throws `bad-directory` (exit 2) for what is no directory and cannot become one. */
export async function makeRegistryDirectory(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true }).catch((error: NodeJS.ErrnoException) => {
    const why = error.code === 'EEXIST' ? 'it is not a directory' : error.message;
    throw badInput('bad-directory', `cannot keep a registry in ${directory}: ${why}`);
  });
}

/**
 * A registry's files in a directory, which another registry may serve and change at the same time; a missing one is made by the first
 * write. Removes what killed runs left there.
 */
export async function openDiskFiles(directory: string): Promise<RegistryFiles> {
  await removeUnfinished(directory);
  const drafts = openDrafts(directory);
  const at = (path: string) => join(directory, path);
  const explained = <T>(work: Promise<T>, path: string): Promise<T> =>
    work.catch((error: unknown) => Promise.reject(diskError(error, at(path))));

  return {
    title: directory,
    async size(path) {
      const found = await unlessMissing(stat(at(path)));
      return found?.isFile() ? found.size : undefined;
    },
    read: (path) => unlessMissing(readFile(at(path))),
    async open(path) {
      const file = await unlessMissing(open(at(path), 'r'));
      if (file === undefined) return undefined;
      const { size } = await file.stat();
      return {
        size,
        read: (start, end) => file.createReadStream({ start, end, highWaterMark: READ_AHEAD }),
        close: () => file.close(),
      };
    },
    async list(path) {
      const found = await unlessMissing(readdir(at(path), { withFileTypes: true }));
      const entries = (found ?? []).filter((entry) => entry.isDirectory() || entry.isFile());
      return entries.map((entry) => ({ name: entry.name, isDirectory: entry.isDirectory() }));
    },
    write: (path, content) => explained(drafts.write(at(path), content), path),
    async remove(path) {
      // Out of sight at once, whatever is in it; then away.
      const grave = await drafts.next();
      try {
        await rename(at(path), grave);
      } catch (error) {
        if (isMissing(error)) return false;
        throw diskError(error, at(path));
      }
      await drafts.remove(grave);
      return true;
    },
    async draft(): Promise<Draft> {
      const writer = await openBlobWriter(await drafts.next(), directory);
      return {
        get size() {
          return writer.size;
        },
        write: (chunk) => writer.write(chunk),
        finish: () => writer.finish(),
        place: (path) => explained(putInPlace(writer.path, at(path)), path),
        discard: () => writer.discard(),
      };
    },
    [Symbol.asyncDispose]: () => drafts[Symbol.asyncDispose](),
  };
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
}

function unlessMissing<T>(work: Promise<T>): Promise<T | undefined> {
  return work.catch((error: unknown) => {
    if (isMissing(error)) return undefined;
    throw error;
  });
}
