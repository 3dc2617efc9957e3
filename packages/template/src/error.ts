/** What a {@link TemplateError} carries besides its message. */
export interface TemplateErrorDetails {
  /** What the user can try next, one sentence. */
  readonly hint?: string | undefined;
  /** Name of the template text (a file name, as a rule) in which the error is. */
  readonly file?: string | undefined;
  /** Line, from 1. */
  readonly line?: number | undefined;
  /** Byte in the line, from 0, as Go counts it; absent for errors of the parser, where Go gives the line only. */
  readonly column?: number | undefined;
}

/**
 * An error of a template, worded as Go words it (`template: NAME:LINE:COLUMN: executing "NAME" at <EXPR>: what is wrong`).
 *
 * Codes: `TEMPLATE_PARSE` (the text is not a template), `TEMPLATE_EXECUTE` (it failed on this data), `TEMPLATE_LIMIT` (it wanted
 * more output, work or depth than allowed), `TEMPLATE_DATA` (the data or an option has a form that templates cannot use).
 * The package stands alone; the members are those of the project's other errors.
 */
export class TemplateError extends Error {
  override readonly name: string = 'TemplateError';
  readonly code: string;
  readonly hint: string | undefined;
  /** Always 2: a template is input, and rendering changes nothing. */
  readonly exitCode: 1 | 2;
  readonly file: string | undefined;
  readonly line: number | undefined;
  readonly column: number | undefined;

  constructor(code: string, message: string, details: TemplateErrorDetails = {}) {
    super(message);
    this.code = code;
    this.exitCode = 2;
    this.hint = details.hint;
    this.file = details.file;
    this.line = details.line;
    this.column = details.column;
  }
}

/** What a function throws to fail its call; the evaluator adds the position and `error calling NAME`. */
export class FunctionError extends Error {
  override readonly name: string = 'FunctionError';
}

/** Thrown where a limit is passed; the evaluator adds the position. */
export class LimitError extends Error {
  override readonly name: string = 'LimitError';
}
