// sprig: changing the shape of words and lines.
import { randomInt } from 'node:crypto';
import { type Context, type FunctionMap, fn } from '../function.ts';
import { fromBytes, sliceBytes, toBytes } from '../utf8.ts';
import { joinWords } from './identifier-words.ts';
import { lower, upper } from './strings.ts';

const SPACE = /\s/u;

// goutils.SwapCase: title case counts as upper.
function swapCase(text: string): string {
  return Array.from(text, (rune) => {
    if (/\p{Lu}|\p{Lt}/u.test(rune)) return lower(rune);
    return /\p{Ll}/u.test(rune) ? upper(rune) : rune;
  }).join('');
}

function uncapitalize(text: string): string {
  let wordStart = true;
  return Array.from(text, (rune) => {
    if (SPACE.test(rune)) {
      wordStart = true;
      return rune;
    }
    const out = wordStart ? lower(rune) : rune;
    wordStart = false;
    return out;
  }).join('');
}

// goutils takes every byte for a character here; so do these two, or they would not give Go's bytes.
function bytesAsCharacters(text: string): string {
  return toBytes(text).toString('latin1');
}

const BYTE_SPACE = /[\t-\r \x85\xa0]/;

function initials(text: string): string {
  return bytesAsCharacters(text)
    .split(BYTE_SPACE)
    .map((word) => word.charAt(0))
    .join('');
}

function withoutSpace(text: string): string {
  const characters = bytesAsCharacters(text);
  return BYTE_SPACE.test(characters) ? characters.split(BYTE_SPACE).join('') : text;
}

// goutils.AbbreviateFull: at most `width` bytes, dots where something was left out.
function abbreviate(text: string, offset: number, width: number): string {
  const bytes = toBytes(text);
  const { length } = bytes;
  if (length <= width || width < 4) return text;
  const cut = (from: number, to: number) => sliceBytes(text, from, to);
  const start = Math.min(offset, length);
  const from = length - start < width - 3 ? length - (width - 3) : start;
  if (from <= 4) return `${cut(0, width - 3)}...`;
  if (width < 7) return text;
  if (from + width - 3 < length) return `...${abbreviate(cut(from, length), 0, width - 3)}`;
  return `...${cut(length - (width - 3), length)}`;
}

// goutils.WrapCustom: lines of at most `width` bytes, broken at spaces; words that are longer are broken too, or stand out.
function wrap(text: string, width: number, newline: string, breakWords: boolean, { budget }: Context): string {
  const size = Math.max(1, width);
  const bytes = toBytes(text);
  const { length } = bytes;
  budget.text(text.length + Math.ceil(length / size) * newline.length);
  const lines: string[] = [];
  let offset = 0;
  const take = (end: number, next: number) => {
    lines.push(fromBytes(bytes.subarray(offset, end)));
    offset = next;
  };
  while (length - offset > size) {
    const limit = offset + size;
    const space = bytes.subarray(offset, limit + 1).lastIndexOf(32);
    if (bytes[offset] === 32) offset++;
    else if (space >= 0) take(offset + space, offset + space + 1);
    else if (breakWords) take(limit, limit);
    else {
      const end = bytes.indexOf(32, limit);
      if (end < 0) break;
      take(end, end + 1);
    }
  }
  lines.push(fromBytes(bytes.subarray(offset)));
  return lines.join(newline === '' ? '\n' : newline);
}

const CONNECTOR = /[-_\s]/u;

// huandu/xstrings.ToCamelCase: words joined, each with a capital. Leading connectors stay, and of several in a row all but the last.
function camelCase(text: string): string {
  const lead = /^[-_\s]*/u.exec(text)?.[0] ?? '';
  let previous = lead.length === text.length ? (Array.from(lead).at(-1) ?? '') : ''; // nothing but connectors: the last one comes twice
  let out = lead;
  for (const rune of text.slice(lead.length)) {
    const drops = CONNECTOR.test(previous) && !CONNECTOR.test(rune);
    if (!drops) out += previous;
    previous = previous === '' || drops ? upper(rune) : lower(rune);
  }
  return out + previous;
}

function shuffle(text: string): string {
  const runes = Array.from(text);
  for (let last = runes.length - 1; last > 0; last--) {
    const other = randomInt(last + 1);
    [runes[last], runes[other]] = [runes[other] ?? '', runes[last] ?? ''];
  }
  return runes.join('');
}

export const wordFunctions: FunctionMap = {
  swapcase: fn(['string'], swapCase),
  untitle: fn(['string'], uncapitalize),
  initials: fn(['string'], initials),
  nospace: fn(['string'], withoutSpace),
  abbrev: fn(['int', 'string'], (width, text) => (width < 4 ? text : abbreviate(text, 0, width))),
  abbrevboth: fn(['int', 'int', 'string'], (left, right, text) =>
    right < 4 || (left > 0 && right < 7) ? text : abbreviate(text, left, right),
  ),
  wrap: fn(['int', 'string'], (width, text, context) => wrap(text, width, '\n', false, context)),
  wrapWith: fn(['int', 'string', 'string'], (width, newline, text, context) => wrap(text, width, newline, true, context)),
  camelcase: fn(['string'], camelCase),
  snakecase: fn(['string'], (text) => joinWords(text, '_')),
  kebabcase: fn(['string'], (text) => joinWords(text, '-')),
  shuffle: fn(['string'], shuffle),
};
