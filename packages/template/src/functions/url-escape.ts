// Go's net/url escaping.
import { byteString, normalised, toBytes } from '../utf8.ts';

const UNRESERVED = /[A-Za-z0-9\-_.~]/;

/** Escapes every byte outside the set: letters, digits, `-_.~` and the extra characters. */
export function percentEscape(text: string, extra = ''): string {
  let out = '';
  for (const byte of toBytes(text)) {
    const character = byteString(byte);
    const kept = byte < 0x80 && (UNRESERVED.test(character) || extra.includes(character));
    out += kept ? character : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return out;
}

/** url.QueryEscape: a space becomes `+`. */
export function queryEscape(text: string): string {
  return percentEscape(text, ' ').replaceAll(' ', '+');
}

/** Undoes the escaping; undefined where an escape is malformed. */
export function percentUnescape(text: string, plusIsSpace = false): string | undefined {
  if (/%(?![0-9a-fA-F]{2})/.test(text)) return undefined;
  const spaced = plusIsSpace ? text.replaceAll('+', ' ') : text;
  return normalised(spaced.replace(/%([0-9a-fA-F]{2})/g, (_, hex: string) => byteString(Number.parseInt(hex, 16))));
}
