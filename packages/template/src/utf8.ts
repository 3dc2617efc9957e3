// Go's strings are bytes, JavaScript's are UTF-16. Here a template string is a JavaScript string in which a byte that is not part of valid UTF-8
// is kept as one lone surrogate U+DC80..U+DCFF (Python's "surrogateescape"), so that slicing, decoding base64 and hashing lose nothing.
import { Buffer, isUtf8 } from 'node:buffer';

const ESCAPE = 0xdc00;

/** The bytes that Go would have for this string. */
export function toBytes(text: string): Buffer {
  if (text.isWellFormed()) return Buffer.from(text, 'utf8');
  const parts: Buffer[] = [];
  let start = 0;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit >= 0xd800 && unit <= 0xdbff && (text.codePointAt(at) ?? 0) > 0xffff) {
      at++;
      continue;
    }
    if (unit < 0xdc80 || unit > 0xdcff) continue;
    parts.push(Buffer.from(text.slice(start, at), 'utf8'), Buffer.from([unit - ESCAPE]));
    start = at + 1;
  }
  parts.push(Buffer.from(text.slice(start), 'utf8'));
  return Buffer.concat(parts);
}

function sequenceLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at] ?? 0;
  const wanted = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  return wanted > 0 && isUtf8(bytes.subarray(at, at + wanted)) && at + wanted <= bytes.length ? wanted : 0;
}

/** The string for these bytes; bytes that are not UTF-8 survive as lone surrogates. */
export function fromBytes(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (isUtf8(buffer)) return buffer.toString('utf8');
  let text = '';
  let start = 0;
  for (let at = 0; at < buffer.length; ) {
    const length = sequenceLength(buffer, at);
    if (length > 0) {
      at += length;
      continue;
    }
    text += buffer.toString('utf8', start, at) + String.fromCharCode(ESCAPE + (buffer[at] ?? 0));
    at++;
    start = at;
  }
  return text + buffer.toString('utf8', start);
}

/** One byte as a string, whatever it is. */
export function byteString(byte: number): string {
  return String.fromCharCode(byte < 0x80 ? byte : ESCAPE + byte);
}

/** Joins escaped bytes that together became valid UTF-8 (after a concatenation). */
export function normalised(text: string): string {
  return text.isWellFormed() ? text : fromBytes(toBytes(text));
}

/** Length in bytes, as Go's `len` gives it. */
export function byteLength(text: string): number {
  return text.isWellFormed() ? Buffer.byteLength(text, 'utf8') : toBytes(text).length;
}

/** The bytes from start to end as a string; the caller has checked the bounds. */
export function sliceBytes(text: string, start: number, end: number): string {
  return fromBytes(toBytes(text).subarray(start, end));
}

/** Code points of the string; an escaped byte comes out as U+FFFD, as a Go range over invalid UTF-8 gives it. */
export function runes(text: string): string[] {
  return Array.from(text, (rune) => (isEscaped(rune) ? '\ufffd' : rune));
}

/** Whether this code unit stands for a byte that is not UTF-8. */
export function isEscaped(rune: string): boolean {
  const unit = rune.charCodeAt(0);
  return rune.length === 1 && unit >= 0xdc80 && unit <= 0xdcff;
}

/** Negative, 0 or positive: order of the bytes, which is the order of code points. */
export function compareStrings(left: string, right: string): number {
  if (left === right) return 0;
  if (left.isWellFormed() && right.isWellFormed()) {
    const length = Math.min(left.length, right.length);
    for (let at = 0; at < length; at++) {
      const a = left.charCodeAt(at);
      const b = right.charCodeAt(at);
      if (a === b) continue;
      // A surrogate pair stands for a code point above every other unit.
      const aHigh = a >= 0xd800 && a <= 0xdfff;
      const bHigh = b >= 0xd800 && b <= 0xdfff;
      if (aHigh !== bHigh) return aHigh ? 1 : -1;
      return a - b;
    }
    return left.length - right.length;
  }
  return Buffer.compare(toBytes(left), toBytes(right));
}
