import { DockerfileParser } from 'dockerfile-ast';
import { hereMarks, readHereDocument } from './here-document.ts';
import type { HereDocument } from './instruction.ts';
import { lineError } from './kubefile-error.ts';

/** An instruction as one line: comments inside it left out, continuation lines joined. */
export interface LogicalLine {
  /** Counted from 1, where it begins. */
  readonly line: number;
  /** Upper case: `COPY`. */
  readonly keyword: string;
  /** Keyword and arguments, trimmed. */
  readonly text: string;
  /** What follows the keyword, trimmed. */
  readonly rest: string;
  /** Those that begin on it, in their order. */
  readonly documents: readonly HereDocument[];
}

export interface LogicalLines {
  readonly lines: readonly LogicalLine[];
  /** What the `escape` directive says, else a backslash. */
  readonly escapeCharacter: string;
}

/** Cuts a build file into instructions; here-documents stay with theirs. Throws `bad-kubefile` for one that does not end. */
export function readLogicalLines(source: string, name: string): LogicalLines {
  const text = source.replace(/^\ufeff/, '');
  const escapeCharacter = DockerfileParser.parse(text).getEscapeCharacter();
  return { lines: join(text.split(/\n/), escapeCharacter, name), escapeCharacter };
}

/** One instruction out of a single line, as ONBUILD keeps it. */
export function readLogicalLine(text: string, line: number): LogicalLine {
  return logicalLine(line, text.trim());
}

// Not left to dockerfile-ast 0.7.1: it ends an instruction at a blank that is escaped before the continuation (`x\  \`), and knows no
// here-documents. Comment lines and empty lines inside an instruction are left out; the blanks around a joint stay, they may be part
// of a value.
function join(physical: readonly string[], escapeCharacter: string, name: string): readonly LogicalLine[] {
  const continued = new RegExp(`\\${escapeCharacter}[ \\t]*$`);
  const lines: LogicalLine[] = [];
  let open: { readonly line: number; text: string } | undefined;
  let at = 0;
  const close = (): void => {
    if (open !== undefined && open.text.trim() !== '') {
      const logical = logicalLine(open.line, open.text.trim());
      const { documents, next } = documentsOf(logical, physical, at, escapeCharacter, name);
      at = next;
      lines.push({ ...logical, documents });
    }
    open = undefined;
  };
  while (at < physical.length) {
    const line = (physical[at] ?? '').replace(/\r$/, '');
    at++;
    if (/^\s*(#|$)/.test(line)) continue;
    open ??= { line: at, text: '' };
    open.text += line.replace(continued, '');
    if (!continued.test(line)) close();
  }
  close();
  return lines;
}

function documentsOf(logical: LogicalLine, physical: readonly string[], start: number, escapeCharacter: string, name: string) {
  const keywords = ['COPY', 'ADD', 'RUN'];
  const words = logical.rest.split(/\s+/);
  const takesThem =
    keywords.includes(logical.keyword) || (logical.keyword === 'ONBUILD' && keywords.includes((words[0] ?? '').toUpperCase()));
  const documents: HereDocument[] = [];
  let next = start;
  // In the JSON form `<<` is a text like any other.
  const isJson = /^(--\S+\s+)*\[/.test(logical.rest);
  for (const mark of takesThem && !isJson ? hereMarks(logical.rest, escapeCharacter) : []) {
    const read = readHereDocument(mark, physical, next);
    if (read === undefined)
      throw lineError(name, logical.line, `the here-document ${mark.name} does not end`, `end it with a line that is ${mark.name}`);
    documents.push(read.document);
    next = read.next;
  }
  return { documents, next };
}

function logicalLine(line: number, text: string): LogicalLine {
  const [, keyword = '', rest = ''] = /^(\S+)([\s\S]*)$/.exec(text) ?? [];
  return { line, keyword: keyword.toUpperCase(), text, rest: rest.trim(), documents: [] };
}
