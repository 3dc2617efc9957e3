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
  const file = DockerfileParser.parse(source.replace(/^\ufeff/, ''));
  const escapeCharacter = file.getEscapeCharacter();
  const lines = file.getInstructions().map((instruction): LogicalLine => {
    const line = instruction.getRange().start.line + 1;
    const text = join(instruction.getTextContent() ?? '', escapeCharacter);
    const keyword = instruction.getInstruction().toUpperCase();
    const rest = /^\S+([\s\S]*)$/.exec(text)?.[1]?.trim() ?? '';
    if (['COPY', 'ADD', 'RUN'].includes(keyword) && /(^|\s)<<-?(["']?)\w+\2(\s|$)/.test(rest)) {
      throw lineError(name, line, 'a here-document is not supported yet', 'put the text into a file of the context and COPY it');
    }
    return { line, keyword, text, rest };
  });
  return { lines, escapeCharacter };
}

// Comment lines and empty lines inside an instruction are left out; blanks around the joint stay, they may be part of a value.
function join(raw: string, escapeCharacter: string): string {
  const ending = new RegExp(`\\${escapeCharacter}[ \\t]*$`);
  const [first = '', ...others] = raw.split(/\r?\n/);
  const kept = [first, ...others.filter((line) => !/^\s*(#|$)/.test(line))];
  return kept
    .map((line) => line.replace(ending, ''))
    .join('')
    .trim();
}
