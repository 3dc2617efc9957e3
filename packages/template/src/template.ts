// The package's door to the language: parse once, execute for many.

import { LimitError } from './error.ts';
import { execute } from './execute.ts';
import type { FunctionMap } from './function.ts';
import { allFunctions } from './functions/all.ts';
import { parseTrees } from './parser.ts';
import type { Program, State } from './state.ts';
import { normalised } from './utf8.ts';
import { createBudget, fromData, type TemplateData } from './value.ts';

/** How a text is parsed. */
export interface ParseOptions {
  /** Name of the text in errors: its file name, as a rule. */
  readonly name: string;
  /** Functions besides the built-in ones, or instead of them; made with `fn`. */
  readonly functions?: FunctionMap | undefined;
}

/** How a template is executed. */
export interface ExecuteOptions {
  /** What `env` and `expandenv` see. Nothing by default: a template never sees the process's own environment. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** Characters that a rendering may give, and that any one string may have. Default 16 Mi. */
  readonly maxOutput?: number | undefined;
  /** Units of work (about one for a node executed, an element or 16 characters made). Default 20 million, a few seconds. */
  readonly maxWork?: number | undefined;
  /** Depth of templates that call templates. Default 500. */
  readonly maxDepth?: number | undefined;
  /** The time that `now` gives, in milliseconds since 1970; by default the clock's. */
  readonly now?: (() => number) | undefined;
}

export type RenderOptions = ParseOptions & ExecuteOptions;

/** A parsed template: executing it changes nothing in it, so one parse renders for many hosts. */
export interface Template {
  readonly name: string;
  /** Names of the templates that the text defines, and its own. */
  readonly defined: readonly string[];
  /**
   * Renders with this data. Missing keys print as `<no value>`.
   *
   * @throws TemplateError `TEMPLATE_EXECUTE`, `TEMPLATE_LIMIT` or `TEMPLATE_DATA`.
   */
  execute(data: TemplateData, options?: ExecuteOptions): string;
}

const MAX_OUTPUT = 16 * 1024 * 1024;
const MAX_WORK = 20_000_000;
const MAX_DEPTH = 500;

/** The limits of a rendering, with their defaults. */
export function limitsOf(options: ExecuteOptions): { readonly maxOutput: number; readonly maxWork: number; readonly maxDepth: number } {
  return {
    maxOutput: options.maxOutput ?? MAX_OUTPUT,
    maxWork: options.maxWork ?? MAX_WORK,
    maxDepth: options.maxDepth ?? MAX_DEPTH,
  };
}

function executeProgram(program: Program, functions: FunctionMap, data: TemplateData, options: ExecuteOptions): string {
  const { maxOutput, maxWork, maxDepth } = limitsOf(options);
  let output = '';
  const state: State = {
    program,
    functions,
    context: {
      budget: createBudget(maxWork, maxOutput),
      env: options.env ?? {},
      now: options.now ?? Date.now,
    },
    write: (text) => {
      output += text;
      if (output.length > maxOutput) throw new LimitError(`output of more than ${maxOutput} characters`);
    },
    maxDepth,
    template: program.name,
    node: undefined,
    variables: [],
    depth: 0,
  };
  execute(state, fromData(data));
  return normalised(output);
}

/**
 * Parses a Go text/template.
 *
 * @throws TemplateError `TEMPLATE_PARSE`, with the line.
 */
export function parseTemplate(text: string, options: ParseOptions): Template {
  const functions = options.functions === undefined ? allFunctions : { ...allFunctions, ...options.functions };
  const trees = parseTrees(options.name, text, (name) => Object.hasOwn(functions, name));
  const program: Program = { name: options.name, text, trees };
  return {
    name: options.name,
    defined: [...trees.keys()],
    execute: (data, executeOptions = {}) => executeProgram(program, functions, data, executeOptions),
  };
}

/**
 * Renders a Go text/template with sprig's functions.
 *
 * @throws TemplateError with Go's message and the position.
 */
export function renderTemplate(text: string, data: TemplateData, options: RenderOptions): string {
  return parseTemplate(text, options).execute(data, options);
}
