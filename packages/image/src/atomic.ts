import { randomBytes } from 'node:crypto';
import { open, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { diskError } from './blob.ts';
import { temporary } from './temporary.ts';

/** Replaces a file's content so that every reader, also after a power loss, finds the old or the new one whole. */
export async function writeAtomic(path: string, content: string | Uint8Array): Promise<void> {
  const draft = `${path}.${process.pid}-${randomBytes(4).toString('hex')}.tmp`;
  const held = temporary(draft);
  try {
    await writeSynced(draft, content);
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw diskError(error, path);
  } finally {
    held.keep();
  }
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
  const draft = `${path}.${process.pid}-${randomBytes(4).toString('hex')}.tmp`;
  const held = temporary(draft);
  try {
    await writeFile(draft, content, { flag: 'wx', mode: 0o644 });
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw diskError(error, path);
  } finally {
    held.keep();
  }
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
