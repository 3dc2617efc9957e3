import type { HereDocument } from './instruction.ts';
import { splitWords } from './word.ts';

/** What begins a here-document: `<<NAME`, `<<-NAME`, quoted or not. */
export interface HereMark {
  readonly name: string;
  /** `<<-`: tabs at the beginning of its lines are left out. */
  readonly stripsTabs: boolean;
  readonly expand: boolean;
}

/** The here-documents that a word of COPY, ADD or RUN begins; undefined for any other word. */
export function hereMark(word: string): HereMark | undefined {
  const [, dash, written] = /^\d*<<(-?)([^<]+)$/.exec(word) ?? [];
  if (written === undefined) return undefined;
  const name = written.replace(/"([^"]*)"|'([^']*)'|\\(.)/g, (_, double, single, escaped) => double ?? single ?? escaped);
  return name === '' ? undefined : { name, stripsTabs: dash === '-', expand: name === written };
}

/** All that begin on a line, in their order. */
export function hereMarks(line: string, escapeCharacter: string): readonly HereMark[] {
  return line.includes('<<') ? splitWords(line, escapeCharacter).flatMap((word) => hereMark(word) ?? []) : [];
}

/** Reads one from the lines that follow: returns it and the index of the line behind its end; undefined when it does not end. */
export function readHereDocument(
  mark: HereMark,
  lines: readonly string[],
  start: number,
): { readonly document: HereDocument; readonly next: number } | undefined {
  const inside: string[] = [];
  for (let at = start; at < lines.length; at++) {
    const line = (lines[at] ?? '').replace(/\r$/, '');
    const stripped = mark.stripsTabs ? line.replace(/^\t+/, '') : line;
    if (stripped === mark.name) {
      const content = inside.map((one) => `${one}\n`).join('');
      return { document: { name: mark.name, content, expand: mark.expand }, next: at + 1 };
    }
    inside.push(stripped);
  }
  return undefined;
}
