// Many texts in one namespace, as Helm has them: each can use what any of them defines.
import { FunctionError, TemplateError } from './error.ts';
import { execute } from './execute.ts';
import { type FunctionMap, fn } from './function.ts';
import { allFunctions } from './functions/all.ts';
import { parseTrees } from './parser.ts';
import { quote } from './quote.ts';
import type { Program, Source, State } from './state.ts';
import { type ExecuteOptions, limitsOf } from './template.ts';
import { normalised } from './utf8.ts';
import { createBudget, type Value } from './value.ts';

/** Texts that were parsed together. */
export interface TemplateSet {
  /** The texts that are no templates, with what is wrong; the others are there. */
  readonly failures: ReadonlyMap<string, TemplateError>;
  /** Begins a run: the limits of `options` are for all that is rendered in it. */
  start(options?: ExecuteOptions): TemplateRun;
}

export interface TemplateRun {
  /**
   * Renders one of the texts. `data` is used as it is, so functions such as `set` change it for what is rendered next, as in Helm.
   *
   * @throws TemplateError `TEMPLATE_EXECUTE` or `TEMPLATE_LIMIT`; the position is in the text where it happened.
   */
  render(name: string, data: Value): string;
}

/**
 * Parses texts by name, in order: of two definitions of one name the later counts. Besides the functions given there are `include NAME DATA`
 * (what a template gives, as a value) and `tpl TEXT DATA` (renders a text that comes from data).
 */
export function parseTemplateSet(texts: ReadonlyMap<string, string>, functions: FunctionMap = {}): TemplateSet {
  const known = { ...allFunctions, ...functions, ...SET_FUNCTIONS };
  const trees = new Map<string, NonNullable<ReturnType<Program['trees']['get']>>>();
  const sources = new Map<string, Source>();
  const failures = new Map<string, TemplateError>();
  for (const [name, text] of texts) {
    try {
      for (const [defined, tree] of parseTrees(name, text, (called) => Object.hasOwn(known, called))) {
        trees.set(defined, tree);
        sources.set(defined, { name, text });
      }
    } catch (error) {
      if (!(error instanceof TemplateError)) throw error;
      failures.set(name, error);
    }
  }
  const program: Program = { name: '', text: '', trees, sources };
  return { failures, start: (options = {}) => startRun(program, known, options) };
}

// Stands for the names when texts are parsed; a run has its own.
const SET_FUNCTIONS: FunctionMap = { include: fn(['string', 'any'], () => ''), tpl: fn(['string', 'any'], () => '') };

function startRun(program: Program, known: FunctionMap, options: ExecuteOptions): TemplateRun {
  const { maxOutput, maxWork, maxDepth } = limitsOf(options);
  const context = { budget: createBudget(maxWork, maxOutput), env: options.env ?? {}, now: options.now ?? Date.now };
  let depth = 0;
  // Whose definitions `include` and `tpl` see: those of the text that calls them.
  let current = program;

  const run = (among: Program, template: string, data: Value): string => {
    if (depth >= maxDepth)
      throw new TemplateError('TEMPLATE_LIMIT', `template: ${template}: exceeded maximum template depth (${maxDepth})`);
    let output = '';
    const state: State = {
      program: among,
      functions,
      context,
      write: (text) => {
        output += text;
        context.budget.text(output.length > maxOutput ? output.length : text.length);
      },
      maxDepth,
      template,
      node: undefined,
      variables: [],
      depth,
    };
    const outer = current;
    depth++;
    current = among;
    try {
      execute(state, data);
    } finally {
      depth--;
      current = outer;
    }
    return normalised(output);
  };

  const functions: FunctionMap = {
    ...known,
    include: fn(['string', 'any'], (name, data) => {
      if (!current.trees.has(name)) throw new FunctionError(`no template ${quote(name)} is defined`);
      return run(current, name, data);
    }),
    tpl: fn(['string', 'any'], (text, data) => {
      if (!text.includes('{{')) return text;
      context.budget.work(text.length / 4);
      const parsed = parseTrees('tpl', text, (called) => Object.hasOwn(known, called));
      return run({ name: 'tpl', text, trees: new Map([...current.trees, ...parsed]), sources: program.sources }, 'tpl', data);
    }),
  };
  return {
    render: (name, data) => {
      if (!program.trees.has(name)) throw new TemplateError('TEMPLATE_EXECUTE', `template: ${quote(name)} is no template of this set`);
      return run(program, name, data);
    },
  };
}
