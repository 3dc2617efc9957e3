import { SealosError } from './error.ts';
import { BLOCK, padded, type TarEntry } from './tar.ts';
import { encodeHeader } from './tar-header.ts';

const ZEROS = Buffer.alloc(BLOCK);

/**
 * The bytes of a tar archive with the entries in the order given. Only numeric owners, pax headers only where ustar has no room:
 * the same entries give the same bytes. Throws `file-changed` when a content has not the size its entry says.
 */
export async function* writeTar(entries: AsyncIterable<TarEntry> | Iterable<TarEntry>): AsyncGenerator<Buffer> {
  for await (const entry of entries) {
    yield encodeHeader(entry);
    if (entry.type !== 'file') continue;
    let size = 0;
    for await (const chunk of contentOf(entry)) {
      size += chunk.length;
      if (size > entry.size) break;
      yield Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    }
    if (size !== entry.size) {
      throw new SealosError('file-changed', `'${entry.path}' changed its size while it was read`, {
        hint: 'try again when nothing writes to it',
      });
    }
    const rest = padded(size) - size;
    if (rest > 0) yield ZEROS.subarray(0, rest);
  }
  yield ZEROS;
  yield ZEROS;
}

async function* contentOf(entry: TarEntry): AsyncGenerator<Uint8Array> {
  const { content } = entry;
  if (content === undefined) return;
  if (content instanceof Uint8Array) yield content;
  else yield* await content();
}
