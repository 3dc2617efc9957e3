import { badInput } from './error.ts';
import { BLOCK, padded, type TarHeader } from './tar.ts';
import { decodeHeader, decodePax, type RawHeader } from './tar-header.ts';

/** One entry of an archive that is being read. Its content can be read only before the next entry is asked for. */
export interface TarItem {
  readonly header: TarHeader;
  /** Where the content begins in the (uncompressed) archive, in bytes. */
  readonly offset: number;
  content(): AsyncGenerator<Buffer>;
}

/** Bytes that come in order, of which some can be passed over. */
export interface ByteInput {
  /** At most `max` bytes, at least one; undefined at the end. */
  read(max: number): Promise<Buffer | undefined>;
  /** Passes over bytes; returns how many there were. */
  skip(count: number): Promise<number>;
}

// A pax header or a GNU long name is a few kilobytes; more is an attack on memory.
const EXTENSION_LIMIT = 1024 * 1024;
const PATH_LIMIT = 4096;

/** The entries of a tar archive (ustar, pax, GNU), in order. Throws `bad-archive` (exit 2) for one that is cut, damaged or none. */
export async function* readTar(source: AsyncIterable<Uint8Array> | ByteInput): AsyncGenerator<TarItem> {
  const input = Symbol.asyncIterator in source ? inputOf(source) : source; // a stream has a `read` too
  let offset = 0;
  let extensions = new Map<string, Buffer>();
  let isFirst = true;
  for (;;) {
    const block = await readExactly(input, BLOCK);
    if (block === undefined) {
      if (isFirst) throw badInput('bad-archive', 'the archive is empty');
      return; // the two blocks of zeros at the end are missing: tar writers of old and Go programs that crash at the end do that
    }
    offset += BLOCK;
    const raw = decodeHeader(block);
    if (raw === undefined) {
      await drain(input);
      return;
    }
    isFirst = false;
    if (isExtension(raw.flag)) {
      if (raw.size > EXTENSION_LIMIT) throw badInput('bad-archive', 'the archive is damaged: it has a pax header of more than 1 MiB');
      const content = await required(input, padded(raw.size));
      offset += padded(raw.size);
      extensions = extended(extensions, raw.flag, content.subarray(0, raw.size));
      continue;
    }
    const header = headerOf(raw, extensions);
    extensions = new Map();
    // A size in a link's or directory's header says nothing about content (old writers put the target's there).
    const size = header?.size ?? raw.size;
    let left = size;
    const content = async function* (): AsyncGenerator<Buffer> {
      while (left > 0) {
        const chunk = await input.read(left);
        if (chunk === undefined) throw truncated();
        left -= chunk.length;
        yield chunk;
      }
    };
    if (header !== undefined) yield { header, offset, content };
    if ((await input.skip(left)) < left) throw truncated();
    // umoci ends layers without the last padding; Go's reader takes that, and so does everybody who uses it.
    const padding = padded(size) - size;
    if ((await input.skip(padding)) < padding) return;
    offset += padded(size);
  }
}

/** Reads chunks of any size as bytes in order. */
export function inputOf(source: AsyncIterable<Uint8Array>): ByteInput {
  const chunks = source[Symbol.asyncIterator]();
  let current: Buffer = Buffer.alloc(0);
  const fill = async (): Promise<boolean> => {
    while (current.length === 0) {
      const next = await chunks.next();
      if (next.done === true) return false;
      current = Buffer.isBuffer(next.value) ? next.value : Buffer.from(next.value.buffer, next.value.byteOffset, next.value.byteLength);
    }
    return true;
  };
  return {
    async read(max) {
      if (current.length === 0 && !(await fill())) return undefined;
      const chunk = current.subarray(0, max);
      current = current.subarray(chunk.length);
      return chunk;
    },
    async skip(count) {
      let left = count;
      while (left > 0 && (current.length > 0 || (await fill()))) {
        const step = Math.min(left, current.length);
        current = current.subarray(step);
        left -= step;
      }
      return count - left;
    },
  };
}

function isExtension(flag: string): boolean {
  return flag === 'x' || flag === 'g' || flag === 'L' || flag === 'K';
}

// Global pax headers ('g', written by git archive) hold comments only in practice, and layers have no use for them.
function extended(known: ReadonlyMap<string, Buffer>, flag: string, content: Buffer): Map<string, Buffer> {
  const merged = new Map(known);
  const end = content.indexOf(0);
  const text = end < 0 ? content : content.subarray(0, end);
  if (flag === 'x') for (const [key, value] of decodePax(content)) merged.set(key, value);
  else if (flag === 'L') merged.set('path', text);
  else if (flag === 'K') merged.set('linkpath', text);
  return merged;
}

function headerOf(raw: RawHeader, pax: ReadonlyMap<string, Buffer>): TarHeader | undefined {
  if (raw.flag === 'S' || [...pax.keys()].some((key) => key.startsWith('GNU.sparse.'))) {
    throw badInput(
      'bad-archive',
      `'${raw.path}' is stored as a sparse file, which image layers do not have`,
      'write the archive without --sparse',
    );
  }
  const number = (key: string, otherwise: number): number => {
    const text = pax.get(key)?.toString('latin1');
    if (text === undefined) return otherwise;
    const value = Number(text);
    if (text.trim() === '' || !Number.isFinite(value))
      throw badInput('bad-archive', `the archive is damaged: its pax '${key}' is not a number`);
    return value;
  };
  const size = number('size', raw.size);
  if (!Number.isSafeInteger(size) || size < 0)
    throw badInput('bad-archive', `the archive is damaged: '${raw.path}' has a size that is none`);
  if (raw.type === undefined) return undefined; // volume labels and the like
  const path = pax.get('path')?.toString('utf8') ?? raw.path;
  const linkname = pax.get('linkpath')?.toString('utf8') ?? raw.linkname;
  if (path.length > PATH_LIMIT || (linkname ?? '').length > PATH_LIMIT)
    throw badInput('bad-archive', 'the archive has a name longer than 4096 bytes');
  if (path.includes('\0') || linkname?.includes('\0')) throw badInput('bad-archive', 'the archive has a name with a zero byte');
  const xattrs = xattrsOf(pax);
  return {
    path: cleanPath(path),
    type: raw.type === 'file' && path.endsWith('/') ? 'directory' : raw.type,
    mode: raw.mode,
    uid: number('uid', raw.uid),
    gid: number('gid', raw.gid),
    mtime: number('mtime', raw.mtime),
    size: raw.type === 'file' ? size : 0,
    ...(linkname === undefined ? {} : { linkname: raw.type === 'hardlink' ? cleanPath(linkname) : linkname }),
    ...(raw.device === undefined ? {} : { device: raw.device }),
    ...(xattrs === undefined ? {} : { xattrs }),
  };
}

// "./a//b/" and "/a/b" are "a/b"; ".." stays, for the reader to refuse.
function cleanPath(path: string): string {
  return path
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/');
}

function xattrsOf(pax: ReadonlyMap<string, Buffer>): Record<string, Buffer> | undefined {
  const prefix = 'SCHILY.xattr.';
  const found = [...pax].filter(([key]) => key.startsWith(prefix));
  return found.length === 0 ? undefined : Object.fromEntries(found.map(([key, value]) => [key.slice(prefix.length), value]));
}

async function readExactly(input: ByteInput, count: number): Promise<Buffer | undefined> {
  const first = await input.read(count);
  if (first === undefined) return undefined;
  if (first.length === count) return first;
  const chunks = [first];
  for (let left = count - first.length; left > 0; ) {
    const chunk = await input.read(left);
    if (chunk === undefined) throw truncated();
    chunks.push(chunk);
    left -= chunk.length;
  }
  return Buffer.concat(chunks);
}

async function required(input: ByteInput, count: number): Promise<Buffer> {
  if (count === 0) return Buffer.alloc(0);
  const content = await readExactly(input, count);
  if (content === undefined) throw truncated();
  return content;
}

// To the end, so that whoever feeds or hashes the stream sees it whole.
async function drain(input: ByteInput): Promise<void> {
  while ((await input.skip(1 << 30)) === 1 << 30);
}

function truncated(): Error {
  return badInput('bad-archive', 'the archive is cut off in the middle', 'copy or download it again');
}
