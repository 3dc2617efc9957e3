import { SealosError } from './error.ts';
import { openPlainFile, type PlainFile } from './plain-file.ts';
import { BLOCK, padded, type TarEntry } from './tar.ts';
import { encodeHeader } from './tar-header.ts';

const ZEROS = Buffer.alloc(BLOCK);
const CHUNK = 1024 * 1024;

/** A file of this machine, whole, in place of its bytes in an archive. Whoever reads it throws `fileChanged` when it has not this size. */
export interface TarFile {
  readonly file: string;
  readonly size: number;
  /** What the archive calls it. */
  readonly path: string;
}

/**
 * The bytes of a tar archive with the entries in the order given. Only numeric owners, pax headers only where ustar has no room:
 * the same entries give the same bytes. Throws `file-changed` when a content has not the size its entry says.
 */
export async function* writeTar(entries: AsyncIterable<TarEntry> | Iterable<TarEntry>): AsyncGenerator<Buffer> {
  for await (const part of tarParts(entries)) {
    if (Buffer.isBuffer(part)) yield part;
    else yield* readTarFile(part);
  }
}

/** As `writeTar`, but files of this machine are only named. */
export async function* tarParts(entries: AsyncIterable<TarEntry> | Iterable<TarEntry>): AsyncGenerator<Buffer | TarFile> {
  for await (const entry of entries) {
    yield encodeHeader(entry);
    if (entry.type !== 'file') continue;
    const { content, path, size } = entry;
    if (content !== undefined && 'file' in content) yield { file: content.file, path, size };
    else yield* contentOf(entry);
    const rest = padded(size) - size;
    if (rest > 0) yield ZEROS.subarray(0, rest);
  }
  yield ZEROS;
  yield ZEROS;
}

/** The bytes of one entry's content. Throws `file-changed`. */
export async function* contentOf({ content, path, size }: Pick<TarEntry, 'content' | 'path' | 'size'>): AsyncGenerator<Buffer> {
  if (content !== undefined && 'file' in content) {
    yield* readTarFile({ file: content.file, path, size });
    return;
  }
  let bytes = 0;
  for await (const chunk of content === undefined ? [] : content instanceof Uint8Array ? [content] : await content()) {
    bytes += chunk.length;
    if (bytes > size) break;
    yield Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  }
  if (bytes !== size) throw fileChanged(path);
}

/** The bytes of a file that an archive names. Throws `file-changed`. */
export async function* readTarFile({ file, path, size }: TarFile): AsyncGenerator<Buffer> {
  await using opened = await openPlainFile(file, size);
  for (let left = size; left > 0; ) {
    const buffer = Buffer.allocUnsafeSlow(Math.min(left, CHUNK));
    const bytesRead = await opened.read(buffer);
    if (bytesRead === 0) throw fileChanged(path);
    left -= bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
  await requireEnd(opened, path);
}

/** Throws `file-changed` when a file has more than what was read of it. */
export async function requireEnd(file: PlainFile, path: string): Promise<void> {
  if ((await file.read(Buffer.alloc(1))) > 0) throw fileChanged(path);
}

export function fileChanged(path: string): SealosError {
  return new SealosError('file-changed', `'${path}' changed its size while it was read`, { hint: 'try again when nothing writes to it' });
}
