import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { inputOfDirectory } from './archive-directory.ts';
import { isArchiveUrl } from './archive-name.ts';
import { compressionOf, decompress } from './compress.ts';
import { badInput } from './error.ts';
import { type ByteInput, inputOf } from './tar-read.ts';

/** An archive's uncompressed bytes. */
export interface ArchiveInput extends AsyncDisposable {
  readonly input: ByteInput;
  /** The file, when its bytes can be read from any place: not compressed and no pipe. */
  readonly file: FileHandle | undefined;
}

const CHUNK = 1024 * 1024;

/**
 * Opens a file, a directory, an http(s) URL, or standard input for `-` (`stdin` stands in for it), whatever its compression. Throws
 * `archive-not-found` (exit 2).
 */
export async function openArchiveInput(
  path: string,
  signal: AbortSignal | undefined,
  stdin: Readable = process.stdin,
): Promise<ArchiveInput> {
  if (path === '-') return inputOfStream(stdin, signal);
  if (isArchiveUrl(path)) return inputOfUrl(path, signal);
  const file = await open(path, 'r').catch((error: unknown) => Promise.reject(unreadable(path, error)));
  try {
    const stat = await file.stat();
    if (stat.isDirectory()) return { input: await inputOfDirectory(path), file: undefined, [Symbol.asyncDispose]: () => file.close() };
    const { buffer: head, bytesRead } = await file.read(Buffer.alloc(4), 0, 4, stat.isFile() ? 0 : null);
    const compression = compressionOf(head.subarray(0, bytesRead));
    if (!stat.isFile()) {
      const rest = createReadStream('', { fd: file, highWaterMark: CHUNK });
      return await inputOfStream(Readable.from(joined(head.subarray(0, bytesRead), rest), { objectMode: false }), signal);
    }
    if (compression === 'none') {
      return { input: inputOfFile(file, stat.size), file, [Symbol.asyncDispose]: () => file.close() };
    }
    const stream = decompress(file.createReadStream({ start: 0, highWaterMark: CHUNK, autoClose: false }), compression);
    return {
      input: inputOf(stream),
      file: undefined,
      async [Symbol.asyncDispose]() {
        stream.destroy();
        await file.close();
      },
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function inputOfUrl(url: string, signal: AbortSignal | undefined): Promise<ArchiveInput> {
  // Only here: what works on files has no use for a network.
  const { openUrl } = await import('./archive-url.ts');
  const content = await openUrl(url, { signal });
  try {
    const archive = await inputOfStream(content.stream, signal);
    return {
      ...archive,
      async [Symbol.asyncDispose]() {
        await archive[Symbol.asyncDispose]();
        await content[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await content[Symbol.asyncDispose]();
    throw error;
  }
}

async function inputOfStream(stream: Readable, signal: AbortSignal | undefined): Promise<ArchiveInput> {
  const onAbort = () => stream.destroy(signal?.reason);
  signal?.addEventListener('abort', onAbort, { once: true });
  const chunks = stream[Symbol.asyncIterator]();
  let head = Buffer.alloc(0);
  while (head.length < 4) {
    const next = await chunks.next();
    if (next.done === true) break;
    head = Buffer.concat([head, next.value]);
  }
  const whole = joined(head, { [Symbol.asyncIterator]: () => chunks });
  const compression = compressionOf(head);
  const plain = compression === 'none' ? whole : decompress(Readable.from(whole, { objectMode: false }), compression);
  return {
    input: inputOf(plain),
    file: undefined,
    async [Symbol.asyncDispose]() {
      signal?.removeEventListener('abort', onAbort);
      if (plain instanceof Readable) plain.destroy();
      stream.destroy();
    },
  };
}

function inputOfFile(file: FileHandle, size: number): ByteInput {
  let position = 0;
  return {
    async read(max) {
      const buffer = Buffer.allocUnsafe(Math.min(max, CHUNK, Math.max(size - position, 0)));
      if (buffer.length === 0) return undefined;
      const { bytesRead } = await file.read(buffer, 0, buffer.length, position);
      position += bytesRead;
      return bytesRead === 0 ? undefined : buffer.subarray(0, bytesRead);
    },
    async skip(count) {
      const step = Math.min(count, Math.max(size - position, 0));
      position += step;
      return step;
    },
  };
}

async function* joined(head: Buffer, rest: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  if (head.length > 0) yield head;
  yield* rest;
}

function unreadable(path: string, error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT') return badInput('archive-not-found', `there is no file ${path}`);
  if (code === 'EACCES') return badInput('archive-not-found', `there is no permission to read ${path}`);
  return error;
}
