import { randomBytes } from 'node:crypto';
import { open, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { diskError } from './blob.ts';
import { temporary } from './temporary.ts';

/** Replaces a file's content so that every reader, also after a power loss, finds the old or the new one whole. */
export async function writeAtomic(path: string, content: string | Uint8Array): Promise<void> {
  await replace(path, (draft) => writeSynced(draft, content));
  await syncDirectory(dirname(path));
}

/** Writes a new file, and waits until its content is on the disk. */
export async function writeSynced(path: string, content: string | Uint8Array): Promise<void> {
  await using file = await open(path, 'wx', 0o644);
  await file.writeFile(content);
  await file.sync();
}

/**
 * Replaces a file that can be made again at any time: every reader finds the old or the new content whole, but nothing waits for the disk. After
 * a power loss it may be empty, so readers take what they cannot parse for nothing.
 */
export async function writeForgettable(path: string, content: string): Promise<void> {
  await replace(path, (draft) => writeFile(draft, content, { flag: 'wx', mode: 0o644 }));
}

/** Makes the names in a directory durable: fsync(2) of a file does not promise that its name is on the disk. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** Writes a file of a temporary name beside `path`, and gives it that name when it is whole. */
async function replace(path: string, write: (draft: string) => Promise<void>): Promise<void> {
  const draft = `${path}.${process.pid}-${randomBytes(4).toString('hex')}.tmp`;
  const held = temporary(draft);
  try {
    await write(draft);
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw diskError(error, path);
  } finally {
    held.keep();
  }
}
