import { badInput } from './error.ts';
import { BLOCK, padded, type TarHeader, type TarType } from './tar.ts';

// POSIX.1-2017 pax, "ustar Interchange Format": where each field is and how long.
const FIELDS = {
  name: [0, 100],
  mode: [100, 8],
  uid: [108, 8],
  gid: [116, 8],
  size: [124, 12],
  mtime: [136, 12],
  checksum: [148, 8],
  type: [156, 1],
  linkname: [157, 100],
  magic: [257, 8],
  major: [329, 8],
  minor: [337, 8],
  prefix: [345, 155],
} as const;
type Field = keyof typeof FIELDS;

const TYPES: Readonly<Record<TarType, string>> = {
  file: '0',
  hardlink: '1',
  symlink: '2',
  character: '3',
  block: '4',
  directory: '5',
  fifo: '6',
};
const TYPE_NAMES = new Map<string, TarType>([
  ...Object.entries(TYPES).map(([name, flag]) => [flag, name as TarType] as const),
  ['\0', 'file'],
  ['7', 'file'],
]);

/** The blocks before an entry's content: its ustar header, and a pax header before it only when something does not fit there. */
export function encodeHeader(header: TarHeader): Buffer {
  const path = header.type === 'directory' ? `${header.path === '' ? '.' : header.path}/` : header.path;
  const pax: [string, Buffer][] = [];
  const block = Buffer.alloc(BLOCK);

  const split = splitPath(path);
  if (split === undefined) pax.push(['path', Buffer.from(path)]);
  putText(block, 'name', split?.name ?? ascii(path).slice(0, 100));
  putText(block, 'prefix', split?.prefix ?? '');

  const linkname = header.linkname ?? '';
  if (!fits(linkname, 100)) pax.push(['linkpath', Buffer.from(linkname)]);
  putText(block, 'linkname', ascii(linkname).slice(0, 100));

  const number = (field: 'uid' | 'gid' | 'size' | 'mtime', value: number): void => {
    const limit = 8 ** (FIELDS[field][1] - 1);
    const whole = Math.floor(value);
    if (value !== whole || whole < 0 || whole >= limit) pax.push([field, Buffer.from(decimal(value))]);
    putNumber(block, field, whole < 0 || whole >= limit ? 0 : whole);
  };
  number('uid', header.uid);
  number('gid', header.gid);
  number('size', header.type === 'file' ? header.size : 0);
  number('mtime', header.mtime);
  putNumber(block, 'mode', header.mode & 0o7777);
  putNumber(block, 'major', header.device?.major ?? 0);
  putNumber(block, 'minor', header.device?.minor ?? 0);
  putText(block, 'type', TYPES[header.type]);
  for (const [name, value] of Object.entries(header.xattrs ?? {})) pax.push([`SCHILY.xattr.${name}`, value]);
  seal(block);
  return pax.length === 0 ? block : Buffer.concat([encodePax(path, pax), block]);
}

/** One raw header block. `size` and the type's letter are as they stand there; pax and GNU records are the reader's to apply. */
export interface RawHeader extends Omit<TarHeader, 'type'> {
  readonly flag: string;
  readonly type: TarType | undefined;
}

/** Reads a header block; undefined for a block of zeros. Throws `bad-archive` (exit 2) when it is none. */
export function decodeHeader(block: Buffer): RawHeader | undefined {
  if (block.every((byte) => byte === 0)) return undefined;
  if (!checksumMatches(block)) throw badInput('bad-archive', 'not a tar archive, or damaged: a header has a wrong checksum');
  const flag = String.fromCharCode(block[FIELDS.type[0]] ?? 0);
  const isPosix = block.toString('latin1', 257, 263) === 'ustar\0';
  const prefix = isPosix ? getText(block, 'prefix') : '';
  const name = getText(block, 'name');
  const type = TYPE_NAMES.get(flag);
  const device = { major: getNumber(block, 'major'), minor: getNumber(block, 'minor') };
  const linkname = getText(block, 'linkname');
  return {
    path: prefix === '' ? name : `${prefix}/${name}`,
    flag,
    // Before POSIX a directory was a file whose name ends in a slash.
    type: type === 'file' && name.endsWith('/') ? 'directory' : type,
    mode: getNumber(block, 'mode') & 0o7777,
    uid: getNumber(block, 'uid'),
    gid: getNumber(block, 'gid'),
    mtime: getNumber(block, 'mtime'),
    size: getNumber(block, 'size'),
    ...(linkname === '' ? {} : { linkname }),
    ...(type === 'character' || type === 'block' ? { device } : {}),
  };
}

/** The records of a pax extended header. Throws `bad-archive` (exit 2). */
export function decodePax(content: Buffer): Map<string, Buffer> {
  const records = new Map<string, Buffer>();
  for (let at = 0; at < content.length; ) {
    const space = content.indexOf(0x20, at);
    const length = space < 0 ? Number.NaN : Number(content.toString('latin1', at, space));
    const end = at + length;
    const equals = space < 0 ? -1 : content.indexOf(0x3d, space);
    if (!Number.isSafeInteger(length) || length < 5 || end > content.length || equals < 0 || equals >= end || content[end - 1] !== 0x0a) {
      throw badInput('bad-archive', 'the archive is damaged: it has a malformed pax header');
    }
    records.set(content.toString('utf8', space + 1, equals), content.subarray(equals + 1, end - 1));
    at = end;
  }
  return records;
}

function encodePax(path: string, records: readonly (readonly [string, Buffer])[]): Buffer {
  const sorted = [...records].sort(([a], [b]) => (a < b ? -1 : 1));
  const content = Buffer.concat(sorted.map(([key, value]) => paxRecord(key, value)));
  const block = Buffer.alloc(BLOCK);
  putText(block, 'name', `PaxHeaders/${ascii(path).split('/').filter(Boolean).at(-1) ?? ''}`.slice(0, 100));
  for (const field of ['uid', 'gid', 'mtime', 'major', 'minor'] as const) putNumber(block, field, 0);
  putNumber(block, 'mode', 0o644);
  putNumber(block, 'size', content.length);
  putText(block, 'type', 'x');
  seal(block);
  const whole = Buffer.alloc(BLOCK + padded(content.length));
  block.copy(whole);
  content.copy(whole, BLOCK);
  return whole;
}

// "LENGTH KEY=VALUE\n", where LENGTH counts itself.
function paxRecord(key: string, value: Buffer): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`), value, Buffer.from('\n')]);
  let length = rest.length + String(rest.length).length;
  if (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}

function seal(block: Buffer): void {
  block.write('ustar\x0000', FIELDS.magic[0], 'latin1');
  block.fill(0x20, FIELDS.checksum[0], FIELDS.checksum[0] + 8);
  let sum = 0;
  for (const byte of block) sum += byte;
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, FIELDS.checksum[0], 'latin1');
}

// Some old writers summed signed bytes.
function checksumMatches(block: Buffer): boolean {
  const [start, length] = FIELDS.checksum;
  let unsigned = 0;
  let signed = 0;
  for (let at = 0; at < BLOCK; at++) {
    const byte = at >= start && at < start + length ? 0x20 : (block[at] ?? 0);
    unsigned += byte;
    signed += byte < 128 ? byte : byte - 256;
  }
  const stored = getNumber(block, 'checksum');
  return stored === unsigned || stored === signed;
}

function splitPath(path: string): { readonly name: string; readonly prefix: string } | undefined {
  if (fits(path, 100)) return { name: path, prefix: '' };
  if (!fits(path, 256)) return undefined;
  // A directory's trailing slash belongs to its name.
  const slash = path.lastIndexOf('/', Math.min(155, path.length - 2));
  if (slash <= 0 || path.length - slash - 1 > 100) return undefined;
  return { name: path.slice(slash + 1), prefix: path.slice(0, slash) };
}

function fits(text: string, length: number): boolean {
  return text.length <= length && /^[\x01-\x7f]*$/.test(text);
}

function ascii(text: string): string {
  return text.replace(/[^\x01-\x7f]/g, '_');
}

function decimal(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(9).replace(/0+$/, '');
}

function putText(block: Buffer, field: Field, text: string): void {
  block.write(text, FIELDS[field][0], FIELDS[field][1], 'latin1');
}

function putNumber(block: Buffer, field: Field, value: number): void {
  const [start, length] = FIELDS[field];
  block.write(`${value.toString(8).padStart(length - 1, '0')}\0`, start, 'latin1');
}

function getText(block: Buffer, field: Field): string {
  const [start, length] = FIELDS[field];
  const end = block.indexOf(0, start);
  return block.toString('utf8', start, end < 0 || end > start + length ? start + length : end);
}

function getNumber(block: Buffer, field: Field): number {
  const [start, length] = FIELDS[field];
  const first = block[start] ?? 0;
  if ((first & 0x80) !== 0) return base256(block.subarray(start, start + length));
  const text = block
    .toString('latin1', start, start + length)
    .replace(/[\0 ]+/g, ' ')
    .trim();
  if (text === '') return 0;
  // GNU tar stops at the second of two zero bytes, Go goes on behind them.
  if (block[start] === 0 && block[start + 1] === 0)
    throw badInput('bad-archive', `the archive is damaged: a header's ${field} begins with zero bytes`);
  if (!/^[0-7]+$/.test(text)) throw badInput('bad-archive', `not a tar archive, or damaged: a header's ${field} is not a number`);
  return Number.parseInt(text, 8);
}

// GNU: the high bit of the first byte marks a big-endian two's complement number.
function base256(bytes: Buffer): number {
  const negative = ((bytes[0] ?? 0) & 0x40) !== 0;
  let value = BigInt((bytes[0] ?? 0) & 0x7f);
  for (const byte of bytes.subarray(1)) value = (value << 8n) | BigInt(byte);
  if (negative) value -= 1n << BigInt(bytes.length * 8 - 1);
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw badInput('bad-archive', 'the archive is damaged: a header has a number out of range');
  return number;
}
