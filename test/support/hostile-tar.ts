// Tar archives as no honest program writes them: every field is what the test says.

export interface RawEntry {
  readonly name: string | Buffer;
  /** The letter in the header. */
  readonly flag?: string;
  readonly link?: string | Buffer;
  readonly content?: string | Buffer;
  /** The size field's twelve bytes; default: the content's size in octal digits. */
  readonly size?: string | Buffer;
  readonly mode?: string;
  readonly uid?: string;
  readonly mtime?: string;
  readonly prefix?: string;
  readonly magic?: string;
  readonly checksum?: string;
  readonly device?: readonly [string, string];
}

const octal = (value: number, length: number) => `${value.toString(8).padStart(length - 1, '0')}\0`;

/** One entry: its header and its content, padded. */
export function raw(entry: RawEntry): Buffer {
  const content = Buffer.from(entry.content ?? '');
  const block = Buffer.alloc(512);
  const put = (text: string | Buffer, at: number, length: number) => Buffer.from(text).copy(block, at, 0, length);
  put(entry.name, 0, 100);
  put(entry.mode ?? octal(0o644, 8), 100, 8);
  put(entry.uid ?? octal(0, 8), 108, 8);
  put(octal(0, 8), 116, 8);
  put(entry.size ?? octal(content.length, 12), 124, 12);
  put(entry.mtime ?? octal(1_600_000_000, 12), 136, 12);
  put('        ', 148, 8);
  put(entry.flag ?? '0', 156, 1);
  put(entry.link ?? '', 157, 100);
  put(entry.magic ?? 'ustar\x0000', 257, 8);
  put(entry.device?.[0] ?? octal(0, 8), 329, 8);
  put(entry.device?.[1] ?? octal(0, 8), 337, 8);
  put(entry.prefix ?? '', 345, 155);
  let sum = 0;
  for (const byte of block) sum += byte;
  put(entry.checksum ?? `${sum.toString(8).padStart(6, '0')}\0 `, 148, 8);
  return Buffer.concat([block, content, Buffer.alloc((512 - (content.length % 512)) % 512)]);
}

export const file = (name: string | Buffer, content: string | Buffer = 'x'): Buffer => raw({ name, content });
export const directory = (name: string): Buffer => raw({ name: `${name}/`, flag: '5', mode: octal(0o755, 8) });
export const link = (name: string, target: string): Buffer => raw({ name, flag: '2', link: target });
export const hardlink = (name: string, target: string): Buffer => raw({ name, flag: '1', link: target });
export const device = (name: string, flag: '3' | '4' | '6' = '3'): Buffer => raw({ name, flag, device: [octal(1, 8), octal(3, 8)] });

/** A pax header with records, right in their lengths. */
export function pax(records: Readonly<Record<string, string | Buffer>>, flag: 'x' | 'g' | 'X' = 'x'): Buffer {
  const lines = Object.entries(records).map(([key, value]) => {
    const rest = Buffer.concat([Buffer.from(` ${key}=`), Buffer.from(value), Buffer.from('\n')]);
    let length = rest.length + 1;
    while (String(length).length + rest.length !== length) length++;
    return Buffer.concat([Buffer.from(String(length)), rest]);
  });
  return raw({ name: 'PaxHeaders/x', flag, content: Buffer.concat(lines) });
}

/** GNU's record of a long name ('L') or link target ('K'). */
export function gnuLong(text: string, flag: 'L' | 'K' = 'L'): Buffer {
  return raw({ name: '././@LongLink', flag, magic: 'ustar  \0', content: `${text}\0` });
}

/** The whole archive, with its end. */
export function tar(...parts: readonly Buffer[]): Buffer {
  return Buffer.concat([...parts, Buffer.alloc(1024)]);
}

/** A size, in GNU's base 256, of twelve bytes. */
export function base256(value: bigint): Buffer {
  const field = Buffer.alloc(12);
  let rest = BigInt.asUintN(96, value);
  for (let at = 11; at >= 0; at--, rest >>= 8n) field[at] = Number(rest & 0xffn);
  field[0] = (field[0] ?? 0) | 0x80;
  return field;
}
