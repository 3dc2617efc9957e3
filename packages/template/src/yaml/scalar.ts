// How go-yaml v2 writes a string: plain, single-quoted, double-quoted or literal, folded beyond column 80.
import { needsQuotes } from './resolve.ts';

const WIDTH = 80;
const BREAK = /[\r\n\u0085\u2028\u2029]/;
// libyaml's printable characters, which leave out tabs and everything beyond the basic plane.
const UNPRINTABLE = /[^\n\x20-\x7e\u00a0-\ud7ff\ue000-\ufefe\uff00-\ufffd]/;
const SHORT: Readonly<Record<string, string>> = {
  '\0': '0',
  '\x07': 'a',
  '\b': 'b',
  '\t': 't',
  '\n': 'n',
  '\v': 'v',
  '\f': 'f',
  '\r': 'r',
  '\x1b': 'e',
  '"': '"',
  '\\': '\\',
  '\u0085': 'N',
  '\u00a0': '_',
  '\u2028': 'L',
  '\u2029': 'P',
};

export type Style = 'plain' | 'single' | 'double' | 'literal';

function hasBlockIndicators(text: string): boolean {
  return (
    /^(?:---|\.\.\.)/.test(text) ||
    /^[#,[\]{}&*!|>'"%@`]/.test(text) ||
    /^[-?:](?:[ \t]|$)/.test(text) ||
    /:(?:[ \t]|$)|[ \t\r\n]#/.test(text)
  );
}

/** The style that go-yaml chooses for a string. */
export function chooseStyle(text: string, isKey: boolean): Style {
  const special = UNPRINTABLE.test(text) || / [\r\n\u0085\u2028\u2029]/.test(text);
  if (text.includes('\n')) return isKey || special || text.endsWith(' ') ? 'double' : 'literal';
  if (needsQuotes(text) || special) return 'double';
  const plain = !/^ | $/.test(text) && !BREAK.test(text) && !hasBlockIndicators(text);
  return plain ? 'plain' : 'single';
}

interface Folding {
  /** Column at which the text starts. */
  readonly column: number;
  /** Indentation of the lines that follow. */
  readonly indent: number;
  /** Keys are never folded. */
  readonly fold: boolean;
}

// Writes piece by piece; a single space beyond the width becomes a line break.
function folded(runes: readonly string[], { column, indent, fold }: Folding, style: Style): string {
  let out = '';
  let position = column;
  let afterSpace = false;
  for (const [index, rune] of runes.entries()) {
    const isSpace = rune === ' ';
    const inside = style === 'plain' || (index > 0 && index < runes.length - 1);
    const single = runes[index + 1] !== ' ';
    if (isSpace && fold && !afterSpace && position > WIDTH && inside && (single || style === 'double')) {
      out += `\n${' '.repeat(indent)}`;
      position = indent;
      if (!single) {
        out += '\\';
        position++;
      }
    } else {
      out += rune;
      position += Array.from(rune).length;
    }
    afterSpace = isSpace;
  }
  return out;
}

function escapeRune(rune: string): string {
  const short = SHORT[rune];
  if (short !== undefined && (rune === '"' || rune === '\\' || rune !== '\u00a0')) return `\\${short}`;
  if (!UNPRINTABLE.test(rune)) return rune;
  const code = rune.codePointAt(0) ?? 0;
  const hex = code.toString(16).toUpperCase();
  if (code <= 0xff) return `\\x${hex.padStart(2, '0')}`;
  return code <= 0xffff ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`;
}

function literal(text: string, indent: number): string {
  const hint = /^[ \n]/.test(text) ? '2' : '';
  const chomp = !text.endsWith('\n') ? '-' : text === '\n' || text.endsWith('\n\n') ? '+' : '';
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return `|${hint}${chomp}\n${lines.map((line) => (line === '' ? '' : ' '.repeat(indent) + line)).join('\n')}`;
}

/** A string in YAML; `column` is where it starts, `indent` the indentation of its further lines. */
export function writeString(text: string, isKey: boolean, column: number, indent: number): string {
  const folding = { column, indent, fold: !isKey };
  const style = chooseStyle(text, isKey);
  switch (style) {
    case 'plain':
      return folded(Array.from(text), folding, style);
    case 'single': {
      const runes = Array.from(text, (rune) => (rune === "'" ? "''" : rune));
      return `'${folded(runes, { ...folding, column: column + 1 }, style)}'`;
    }
    case 'double':
      return `"${folded(Array.from(text, escapeRune), { ...folding, column: column + 1 }, style)}"`;
    case 'literal':
      return literal(text, indent);
  }
}
