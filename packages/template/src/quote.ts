// Go's string literals: strconv.Quote, strconv.Unquote and their relatives.
import { isEscaped, normalised } from './utf8.ts';

const PRINTABLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u;
const SHORT: Readonly<Record<string, string>> = {
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\\': '\\\\',
};
const UNQUOTED: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
};

/** Go's unicode.IsPrint. */
export function isPrintable(rune: string): boolean {
  return PRINTABLE.test(rune);
}

function hex(value: number, width: number): string {
  return value.toString(16).padStart(width, '0');
}

/** Quotes as strconv.Quote does; with `ascii`, escapes everything beyond ASCII (`%+q`). */
export function quote(text: string, options: { readonly ascii?: boolean; readonly delimiter?: '"' | "'" } = {}): string {
  const delimiter = options.delimiter ?? '"';
  let out = delimiter as string;
  for (const rune of normalised(text)) {
    const code = rune.codePointAt(0) ?? 0;
    const short = SHORT[rune];
    if (rune === delimiter) out += `\\${rune}`;
    else if (short !== undefined) out += short;
    else if (isEscaped(rune)) out += `\\x${hex(code & 0xff, 2)}`;
    else if (options.ascii ? code >= 0x20 && code < 0x7f : isPrintable(rune)) out += rune;
    else if (code < 0x20 || code === 0x7f) out += `\\x${hex(code, 2)}`;
    else out += code > 0xffff ? `\\U${hex(code, 8)}` : `\\u${hex(code, 4)}`;
  }
  return out + delimiter;
}

interface Unescaped {
  readonly value: string;
  readonly length: number;
}

// The escape sequence at the start of text (just after the backslash), or undefined where it is none.
function readEscape(text: string, delimiter: string): Unescaped | undefined {
  const letter = text.charAt(0);
  const simple = UNQUOTED[letter];
  if (simple !== undefined) return { value: simple, length: 1 };
  if (letter === "'" || letter === '"') return letter === delimiter ? { value: letter, length: 1 } : undefined;
  const width = letter === 'x' ? 2 : letter === 'u' ? 4 : letter === 'U' ? 8 : 0;
  if (width > 0) {
    const digits = text.slice(1, 1 + width);
    if (!/^[0-9a-fA-F]+$/.test(digits) || digits.length !== width) return undefined;
    const code = Number.parseInt(digits, 16);
    if (letter === 'x') return { value: String.fromCharCode(code < 0x80 ? code : 0xdc00 + code), length: 3 };
    if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return undefined;
    return { value: String.fromCodePoint(code), length: width + 1 };
  }
  const octal = /^[0-7]{3}/.exec(text)?.[0];
  if (octal === undefined) return undefined;
  const code = Number.parseInt(octal, 8);
  return code > 255 ? undefined : { value: String.fromCharCode(code < 0x80 ? code : 0xdc00 + code), length: 3 };
}

/** The value of a Go string literal in `"` or backquotes; undefined where it is malformed (Go: "invalid syntax"). */
export function unquote(literal: string): string | undefined {
  const delimiter = literal.charAt(0);
  const body = literal.slice(1, -1);
  if (delimiter === '`') return body.replaceAll('\r', '');
  if (!body.includes('\\')) return body.includes('\n') || body.includes('"') ? undefined : body;
  let out = '';
  for (let at = 0; at < body.length; at++) {
    const unit = body.charAt(at);
    if (unit === '"' || unit === '\n') return undefined;
    if (unit !== '\\') {
      out += unit;
      continue;
    }
    const escaped = readEscape(body.slice(at + 1, at + 10), '"');
    if (escaped === undefined) return undefined;
    out += escaped.value;
    at += escaped.length;
  }
  return normalised(out);
}

/** The code point of a character literal such as `'a'` or `'\n'`; an error text where it is malformed. */
export function unquoteCharacter(literal: string): number | string {
  const body = literal.slice(1);
  if (body.startsWith("'")) return 'invalid syntax';
  if (!body.startsWith('\\')) {
    const code = body.codePointAt(0) ?? 0;
    return body.slice(code > 0xffff ? 2 : 1) === "'" ? code : `malformed character constant: ${literal}`;
  }
  const escaped = readEscape(body.slice(1), "'");
  if (escaped === undefined) return 'invalid syntax';
  if (body.slice(1 + escaped.length) !== "'") return `malformed character constant: ${literal}`;
  const code = escaped.value.codePointAt(0) ?? 0;
  return isEscaped(escaped.value) ? code & 0xff : code;
}
