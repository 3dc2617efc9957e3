import { closeSync, openSync, readSync } from 'node:fs';
import { open } from 'node:fs/promises';

/** Up to this size a file is read at once: handing the work to a thread and back takes many times as long as reading it. */
const AT_ONCE = 64 * 1024;

/** A file that is read from its beginning to its end. */
export interface PlainFile extends AsyncDisposable {
  /** How many bytes came; 0 at the end. */
  read(into: Buffer): Promise<number> | number;
}

/** Opens a file of which so many bytes are expected. */
export async function openPlainFile(path: string, size: number): Promise<PlainFile> {
  if (size <= AT_ONCE) {
    const descriptor = openSync(path, 'r');
    return { read: (into) => readSync(descriptor, into), [Symbol.asyncDispose]: async () => closeSync(descriptor) };
  }
  const file = await open(path, 'r');
  return {
    read: async (into) => (await file.read(into, 0, into.length)).bytesRead,
    [Symbol.asyncDispose]: () => file.close(),
  };
}
