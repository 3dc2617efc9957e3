import { badInput } from './error.ts';
import { shownName } from './shown-name.ts';
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
  /** Lets go of where they come from, read to the end or not. */
  close?(): Promise<void>;
}

// A pax header or a GNU long name is a few kilobytes; more is an attack on memory.
const EXTENSION_LIMIT = 1024 * 1024;
const PATH_LIMIT = 4096;
// Whoever reads an archive keeps something of each entry. The biggest layers that were published have a tenth of this.
const ENTRY_LIMIT = 1_000_000;
const NAMES_LIMIT = 128 * 1024 * 1024;

/**
 * The entries of a tar archive (ustar, pax, GNU), in order. Throws `bad-archive` (exit 2) for one that is cut, damaged or none, for one of more
 * than a million entries, and for one that other readers, such as the `tar` of a host, would take for another: what is checked here and
 * unpacked there has to be the same.
 */
export async function* readTar(source: AsyncIterable<Uint8Array> | ByteInput): AsyncGenerator<TarItem> {
  const input = Symbol.asyncIterator in source ? inputOf(source) : source; // a stream has a `read` too
  try {
    yield* readEntries(input);
  } finally {
    // A refused archive was not read to its end: without this its file would stay open.
    await input.close?.();
  }
}

async function* readEntries(input: ByteInput): AsyncGenerator<TarItem> {
  let offset = 0;
  let extensions: Extensions = { flags: '', records: new Map() };
  let isFirst = true;
  let entries = 0;
  let names = 0;
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
    const header = headerOf(raw, extensions.records);
    extensions = { flags: '', records: new Map() };
    names += header.path.length + (header.linkname?.length ?? 0);
    if (++entries > ENTRY_LIMIT || names > NAMES_LIMIT)
      throw badInput('bad-archive', `the archive has more than ${ENTRY_LIMIT} entries, or more than 128 MiB of names`);
    const { size } = header;
    let left = size;
    const content = async function* (): AsyncGenerator<Buffer> {
      while (left > 0) {
        const chunk = await input.read(left);
        if (chunk === undefined) throw truncated();
        left -= chunk.length;
        yield chunk;
      }
    };
    yield { header, offset, content };
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
    async close() {
      await chunks.return?.();
    },
  };
}

function isExtension(flag: string): boolean {
  return flag === 'x' || flag === 'g' || flag === 'L' || flag === 'K';
}

/** What stands before an entry and adds to its header. */
interface Extensions {
  /** The letters of the headers so far. */
  readonly flags: string;
  readonly records: ReadonlyMap<string, Buffer>;
}

// Of several headers of one kind some readers take the first, some the last, some all; writers make one of each at most.
function extended({ flags, records }: Extensions, flag: string, content: Buffer): Extensions {
  if (flag === 'g') {
    refuseGlobal(content);
    return { flags, records };
  }
  if (flags.includes(flag)) throw ambiguous(`two '${flag}' headers for one entry`);
  const merged = new Map(records);
  const put = (key: string, value: Buffer): void => {
    if ((key === 'path' || key === 'linkpath') && merged.has(key)) throw ambiguous('two names for one entry');
    merged.set(key, value);
  };
  const end = content.indexOf(0);
  const text = end < 0 ? content : content.subarray(0, end);
  if (flag === 'x') for (const [key, value] of decodePax(content)) put(key, value);
  else put(flag === 'L' ? 'path' : 'linkpath', text);
  return { flags: flags + flag, records: merged };
}

// Those of git archive hold a comment. Names and sizes in one would be for every entry behind it, which some readers heed and others do not.
function refuseGlobal(content: Buffer): void {
  for (const key of decodePax(content).keys()) {
    if (/^(path|linkpath|size|hdrcharset)$|^GNU\./.test(key)) throw ambiguous(`a '${key}' for all its entries`);
  }
}

function ambiguous(what: string): Error {
  return badInput('bad-archive', `the archive has ${what}, which programs understand differently`, 'make it with another program');
}

function headerOf(raw: RawHeader, pax: ReadonlyMap<string, Buffer>): TarHeader {
  if (raw.flag === 'S' || [...pax.keys()].some((key) => key.startsWith('GNU.sparse.'))) {
    throw badInput(
      'bad-archive',
      `'${shownName(raw.path)}' is stored as a sparse file, which image layers do not have`,
      'write the archive without --sparse',
    );
  }
  const number = (key: string, otherwise: number): number => {
    const text = pax.get(key)?.toString('latin1');
    if (text === undefined) return otherwise;
    const value = Number(text);
    if (!/^-?\d{1,20}(\.\d*)?$/.test(text) || Math.abs(value) > Number.MAX_SAFE_INTEGER)
      throw badInput('bad-archive', `the archive is damaged: its pax '${key}' is not a number`);
    return value;
  };
  const size = number('size', raw.size);
  if (!Number.isSafeInteger(size) || size < 0)
    throw badInput('bad-archive', `the archive is damaged: '${shownName(raw.path)}' has a size that is none`);
  if (raw.type === undefined) throw ambiguous(`'${shownName(raw.path)}' of the type '${shownName(raw.flag)}'`);
  const type = raw.type === 'file' && pax.get('path')?.at(-1) === 0x2f ? 'directory' : raw.type;
  // Of a hard link old writers say the target's size in the header, and every reader knows it.
  const isOldLink = type === 'hardlink' && !pax.has('size');
  if (type !== 'file' && !isOldLink && size > 0) throw ambiguous(`'${shownName(raw.path)}', no file, with a content`);
  const path = pax.get('path')?.toString('utf8') ?? raw.path;
  const linkname = pax.get('linkpath')?.toString('utf8') ?? raw.linkname;
  if (path.length > PATH_LIMIT || (linkname ?? '').length > PATH_LIMIT)
    throw badInput('bad-archive', 'the archive has a name longer than 4096 bytes');
  if (path.includes('\0') || linkname?.includes('\0')) throw badInput('bad-archive', 'the archive has a name with a zero byte');
  const xattrs = xattrsOf(pax);
  return {
    path: cleanPath(path),
    type,
    mode: raw.mode,
    uid: number('uid', raw.uid),
    gid: number('gid', raw.gid),
    mtime: number('mtime', raw.mtime),
    size: type === 'file' ? size : 0,
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
