// sprig: strings.
import { FunctionError } from '../error.ts';
import { printed, sprint } from '../format/print.ts';
import { type Context, type FunctionMap, fn } from '../function.ts';
import { quote } from '../quote.ts';
import { byteLength, sliceBytes } from '../utf8.ts';
import { dict, int, list, type Value } from '../value.ts';
import { toText, toTexts } from './convert.ts';

// Go's unicode.IsSpace.
const SPACE = /[\t\n\v\f\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;

/** strings.TrimSpace. */
function trimSpace(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && SPACE.test(text.charAt(start))) start++;
  while (end > start && SPACE.test(text.charAt(end - 1))) end--;
  return text.slice(start, end);
}

// Upper and lower case as Go has them: a code point always becomes one code point.
function mapCase(text: string, change: (rune: string) => string): string {
  if (/^[\x00-\x7f]*$/.test(text)) return change(text);
  return Array.from(text, (rune) => {
    const changed = change(rune);
    return Array.from(changed).length === 1 ? changed : rune;
  }).join('');
}

/** strings.ToUpper. */
export function upper(text: string): string {
  return mapCase(text, (part) => part.toUpperCase());
}

/** strings.ToLower. */
export function lower(text: string): string {
  return mapCase(text, (part) => part.toLowerCase());
}

// strings.Title: a letter that follows no letter, digit, underscore or apostrophe-free mark becomes upper case.
function title(text: string): string {
  let separated = true;
  return Array.from(text, (rune) => {
    const out = separated ? upper(rune) : rune;
    separated = /[\x00-\x7f]/.test(rune) ? !/[A-Za-z0-9_]/.test(rune) : !/[\p{L}\p{Nd}]/u.test(rune) && /\s/u.test(rune);
    return out;
  }).join('');
}

function repeat(count: number, text: string, { budget }: Context): string {
  if (count < 0) throw new FunctionError('strings: negative Repeat count');
  budget.text(count * text.length);
  return text.repeat(count);
}

function replaceAll(from: string, to: string, text: string, { budget }: Context): string {
  const parts = from === '' ? Array.from(text).length + 1 : text.split(from).length - 1;
  budget.text(text.length + parts * to.length);
  if (from !== '') return text.split(from).join(to);
  return to + Array.from(text, (rune) => rune + to).join('');
}

function indent(spaces: number, text: string, context: Context): string {
  const padding = repeat(spaces, ' ', context);
  return padding + replaceAll('\n', `\n${padding}`, text, context);
}

function trimCharacters(set: string, text: string): string {
  const members = new Set(set);
  const runes = Array.from(text);
  let start = 0;
  let end = runes.length;
  while (start < end && members.has(runes[start] ?? '')) start++;
  while (end > start && members.has(runes[end - 1] ?? '')) end--;
  return runes.slice(start, end).join('');
}

function truncate(count: number, text: string): string {
  const length = byteLength(text);
  if (count < 0 && length + count > 0) return sliceBytes(text, length + count, length);
  return count >= 0 && length > count ? sliceBytes(text, 0, count) : text;
}

function sliceError(start: number, end: number, length: number): FunctionError {
  const bounds = end < 0 ? `[:${end}]` : end > length ? `[:${end}] with length ${length}` : `[${start}:${end}]`;
  return new FunctionError(`runtime error: slice bounds out of range ${bounds}`);
}

function substring(start: number, end: number, text: string): string {
  const length = byteLength(text);
  const from = Math.max(start, 0);
  const to = start >= 0 && (end < 0 || end > length) ? length : end;
  if (to < 0 || to > length || from > to) throw sliceError(from, to, length);
  return sliceBytes(text, from, to);
}

/** strings.SplitN: at most `count` parts; negative for all; an empty separator splits into runes. */
function splitText(text: string, separator: string, count: number, { budget }: Context): string[] {
  if (count === 0) return [];
  budget.work(text.length / 8);
  const parts = separator === '' ? Array.from(text) : text.split(separator);
  if (count < 0 || parts.length <= count) return parts;
  return [...parts.slice(0, count - 1), parts.slice(count - 1).join(separator)];
}

function numbered(parts: readonly string[]): Value {
  return dict(
    parts.map((part, index) => [`_${index}`, part] as const),
    'string',
  );
}

function joinText(separator: string, value: Value, context: Context): string {
  const parts = toTexts(value, context);
  context.budget.text(parts.reduce((sum, part) => sum + part.length + separator.length, 0));
  return parts.join(separator);
}

function present(values: readonly Value[]): Value[] {
  return values.filter((value) => value !== null && value !== undefined);
}

function cat(values: readonly Value[], { budget }: Context): string {
  const text = present(values)
    .map((value) => printed(value, budget))
    .join(' ');
  budget.text(text.length);
  return text;
}

export const stringFunctions: FunctionMap = {
  hello: fn([], () => 'Hello!'),
  trim: fn(['string'], trimSpace),
  upper: fn(['string'], upper),
  lower: fn(['string'], lower),
  title: fn(['string'], title),
  trunc: fn(['int', 'string'], truncate),
  substr: fn(['int', 'int', 'string'], substring),
  repeat: fn(['int', 'string'], repeat),
  trimall: fn(['string', 'string'], trimCharacters),
  trimAll: fn(['string', 'string'], trimCharacters),
  trimSuffix: fn(['string', 'string'], (suffix, text) => (suffix !== '' && text.endsWith(suffix) ? text.slice(0, -suffix.length) : text)),
  trimPrefix: fn(['string', 'string'], (prefix, text) => (text.startsWith(prefix) ? text.slice(prefix.length) : text)),
  contains: fn(['string', 'string'], (part, text) => text.includes(part)),
  hasPrefix: fn(['string', 'string'], (prefix, text) => text.startsWith(prefix)),
  hasSuffix: fn(['string', 'string'], (suffix, text) => text.endsWith(suffix)),
  quote: fn(['...any'], (values, context) =>
    present(values)
      .map((value) => quote(toText(value, context)))
      .join(' '),
  ),
  squote: fn(['...any'], (values, context) =>
    present(values)
      .map((value) => `'${printed(value, context.budget)}'`)
      .join(' '),
  ),
  cat: fn(['...any'], cat),
  indent: fn(['int', 'string'], indent),
  nindent: fn(['int', 'string'], (spaces, text, context) => `\n${indent(spaces, text, context)}`),
  replace: fn(['string', 'string', 'string'], replaceAll),
  plural: fn(['string', 'string', 'int'], (one, many, count) => (count === 1 ? one : many)),
  toString: fn(['any'], toText),
  toStrings: fn(['any'], (value, context) => list(toTexts(value, context), 'string')),
  split: fn(['string', 'string'], (separator, text, context) => numbered(splitText(text, separator, -1, context))),
  splitn: fn(['string', 'int', 'string'], (separator, count, text, context) => numbered(splitText(text, separator, count, context))),
  splitList: fn(['string', 'string'], (separator, text, context) => list(splitText(text, separator, -1, context), 'string')),
  join: fn(['string', 'any'], joinText),
  toDecimal: fn(['any'], (value, { budget }) => {
    const text = sprint([value], budget);
    const octal = /^[+-]?[0-7]+$/.test(text) ? BigInt(`0o${text.replace(/^[+-]/, '')}`) : 0n;
    return octal >= 1n << 63n ? int(0, 'int64') : int(text.startsWith('-') ? -octal : octal, 'int64');
  }),
};
