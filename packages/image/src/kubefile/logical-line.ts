import { DockerfileParser } from 'dockerfile-ast';
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
}

export interface LogicalLines {
  readonly lines: readonly LogicalLine[];
  /** What the `escape` directive says, else a backslash. */
  readonly escapeCharacter: string;
}

/** Cuts a build file into instructions. Throws `bad-kubefile` for here-documents, which are not supported. */
export function readLogicalLines(source: string, name: string): LogicalLines {
  const text = source.replace(/^\ufeff/, '');
  const escapeCharacter = DockerfileParser.parse(text).getEscapeCharacter();
  const lines = join(text, escapeCharacter).map((logical) => {
    if (['COPY', 'ADD', 'RUN'].includes(logical.keyword) && /(^|\s)<<-?(["']?)\w+\2(\s|$)/.test(logical.rest)) {
      throw lineError(name, logical.line, 'a here-document is not supported yet', 'put the text into a file of the context and COPY it');
    }
    return logical;
  });
  return { lines, escapeCharacter };
}

// Not left to dockerfile-ast 0.7.1: it ends an instruction at a blank that is escaped before the continuation (`x\  \`). Comment lines and
// empty lines inside an instruction are left out; the blanks around a joint stay, they may be part of a value.
function join(text: string, escapeCharacter: string): readonly LogicalLine[] {
  const continued = new RegExp(`\\${escapeCharacter}[ \\t]*$`);
  const lines: LogicalLine[] = [];
  let open: { readonly line: number; text: string } | undefined;
  const close = (): void => {
    if (open !== undefined && open.text.trim() !== '') lines.push(logicalLine(open.line, open.text.trim()));
    open = undefined;
  };
  for (const [index, physical] of text.split(/\r?\n/).entries()) {
    if (/^\s*(#|$)/.test(physical)) continue;
    open ??= { line: index + 1, text: '' };
    open.text += physical.replace(continued, '');
    if (!continued.test(physical)) close();
  }
  close();
  return lines;
}

function logicalLine(line: number, text: string): LogicalLine {
  const [, keyword = '', rest = ''] = /^(\S+)([\s\S]*)$/.exec(text) ?? [];
  return { line, keyword: keyword.toUpperCase(), text, rest: rest.trim() };
}
