import { isIPv4 } from 'node:net';

// ITU-T X.690, the distinguished encoding: tag, length, content. Only what certificates need.

const tags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  objectId: 0x06,
  utf8String: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

function encode(tag: number, content: Uint8Array): Buffer {
  const { length } = content;
  if (length < 0x80) return Buffer.concat([Buffer.of(tag, length), content]);
  const size = Buffer.from(length.toString(16).padStart(length > 0xffff ? 6 : length > 0xff ? 4 : 2, '0'), 'hex');
  return Buffer.concat([Buffer.of(tag, 0x80 | size.length), size, content]);
}

export function sequence(...parts: readonly Uint8Array[]): Buffer {
  return encode(tags.sequence, Buffer.concat(parts));
}

export function set(...parts: readonly Uint8Array[]): Buffer {
  return encode(tags.set, Buffer.concat(parts));
}

/** A positive integer from its bytes, most significant first. */
export function integer(bytes: Uint8Array): Buffer {
  let first = bytes.findIndex((byte) => byte !== 0);
  if (first < 0) first = bytes.length - 1;
  const shortest = bytes.subarray(first);
  // A set top bit would read as negative.
  return encode(tags.integer, (shortest[0] ?? 0) & 0x80 ? Buffer.concat([Buffer.of(0), shortest]) : shortest);
}

export function boolean(value: boolean): Buffer {
  return encode(tags.boolean, Buffer.of(value ? 0xff : 0));
}

export function nothing(): Buffer {
  return encode(tags.null, Buffer.alloc(0));
}

export function octetString(content: Uint8Array): Buffer {
  return encode(tags.octetString, content);
}

/** Whole bytes as bits; `unused` bits at the end do not count. */
export function bitString(content: Uint8Array, unused = 0): Buffer {
  return encode(tags.bitString, Buffer.concat([Buffer.of(unused), content]));
}

export function utf8String(text: string): Buffer {
  return encode(tags.utf8String, Buffer.from(text, 'utf8'));
}

/** `2.5.4.3` and the like. */
export function objectId(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes = rest.flatMap((arc) => {
    const groups = [arc & 0x7f];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) groups.unshift((left & 0x7f) | 0x80);
    return groups;
  });
  return encode(tags.objectId, Buffer.from([first * 40 + second, ...bytes]));
}

/** RFC 5280 4.1.2.5: UTCTime through 2049, GeneralizedTime from 2050 on; whole seconds. */
export function time(date: Date): Buffer {
  const digits = date
    .toISOString()
    .replace(/\.\d+Z$/, 'Z')
    .replace(/[-:T]/g, '');
  return date.getUTCFullYear() < 2050
    ? encode(tags.utcTime, Buffer.from(digits.slice(2)))
    : encode(tags.generalizedTime, Buffer.from(digits));
}

/** `[n]` around other elements. */
export function explicit(n: number, ...parts: readonly Uint8Array[]): Buffer {
  return encode(0xa0 | n, Buffer.concat(parts));
}

/** `[n]` in place of a primitive's own tag. */
export function implicit(n: number, content: Uint8Array): Buffer {
  return encode(0x80 | n, content);
}

/** The 4 or 16 bytes of an address in canonical spelling. */
export function addressBytes(ip: string): Buffer {
  if (isIPv4(ip)) return Buffer.from(ip.split('.').map(Number));
  const [head = '', tail] = ip.split('::');
  const groups = (part: string | undefined) => (part ? part.split(':') : []);
  const [front, back] = [groups(head), groups(tail)];
  const middle = Array<string>(8 - front.length - back.length).fill('0');
  return Buffer.from([...front, ...middle, ...back].map((group) => group.padStart(4, '0')).join(''), 'hex');
}

/** The elements of a constructed element, each whole (tag and length with it). Throws RangeError where the encoding is cut. */
export function elements(encoded: Buffer): readonly Buffer[] {
  const { start, end } = contentRange(encoded, 0);
  const parts: Buffer[] = [];
  for (let at = start; at < end; ) {
    const next = contentRange(encoded, at).end;
    parts.push(encoded.subarray(at, next));
    at = next;
  }
  return parts;
}

/** What an element holds, without its tag and length. */
export function content(encoded: Buffer): Buffer {
  const { start, end } = contentRange(encoded, 0);
  return encoded.subarray(start, end);
}

function contentRange(encoded: Buffer, at: number): { start: number; end: number } {
  const first = encoded.readUInt8(at + 1);
  const size = first < 0x80 ? 0 : first & 0x7f;
  const length = size === 0 ? first : encoded.readUIntBE(at + 2, size);
  const start = at + 2 + size;
  if (start + length > encoded.length) throw new RangeError('an element is cut off');
  return { start, end: start + length };
}
