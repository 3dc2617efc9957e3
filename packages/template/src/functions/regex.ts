// sprig: regular expressions, with RE2's syntax and Go's rules for empty matches.
import { FunctionError } from '../error.ts';
import { type Context, type FunctionMap, fn } from '../function.ts';
import { quote } from '../quote.ts';
import { findMatch, type Match } from '../regexp/match.ts';
import { PatternError, parsePattern } from '../regexp/parse.ts';
import { compile, type Program } from '../regexp/program.ts';
import type { Budget } from '../value.ts';
import { list, nilList, type Value } from '../value.ts';

interface Subject {
  readonly runes: readonly string[];
  readonly codes: readonly number[];
}

function subjectOf(text: string, budget: Budget): Subject {
  budget.work(text.length / 8);
  const runes = Array.from(text);
  return { runes, codes: runes.map((rune) => (rune.isWellFormed() ? (rune.codePointAt(0) ?? 0) : 0xfffd)) };
}

function slice({ runes }: Subject, start: number, end: number): string {
  return runes.slice(start, end).join('');
}

function program(pattern: string, budget: Budget): Program {
  budget.work(pattern.length);
  const compiled = compile(parsePattern(pattern));
  budget.work(compiled.instructions.length / 8);
  return compiled;
}

// Compile for the must… functions, MustCompile for the others: the same mistake, reported differently.
function compiled(pattern: string, must: boolean, { budget }: Context): Program {
  try {
    return program(pattern, budget);
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    const shown = /[\x00-\x08\x0a-\x1f`\x7f]/.test(pattern) ? quote(pattern) : `\`${pattern}\``;
    throw new FunctionError(must ? error.message : `regexp: Compile(${shown}): ${error.message}`);
  }
}

// Successive matches; an empty one right after another match does not count.
function allMatches(pattern: Program, subject: Subject, limit: number, budget: Budget): Match[] {
  const end = subject.codes.length;
  const found: Match[] = [];
  let previousEnd = -1;
  for (let position = 0; found.length < limit && position <= end; ) {
    budget.work(1);
    const match = findMatch(pattern, subject.codes, position, budget);
    if (match === undefined) break;
    const [start = 0, stop = 0] = match;
    const empty = stop === position;
    if (!empty || start !== previousEnd) found.push(match);
    position = empty ? position + 1 : stop;
    previousEnd = stop;
  }
  return found;
}

// $1, ${name}, $$ in a replacement.
function expand(template: string, pattern: Program, subject: Subject, match: Match): string {
  return template.replace(/\$(?:(\$)|\{([A-Za-z0-9_]+)\}|([A-Za-z0-9_]+))/g, (_, dollar?: string, braced?: string, bare?: string) => {
    if (dollar !== undefined) return '$';
    const name = braced ?? bare ?? '';
    const taken = (group: number) => (match[group * 2] ?? -1) >= 0;
    const index = /^[0-9]+$/.test(name) ? Number(name) : pattern.groups.findIndex((group, at) => group === name && taken(at));
    const start = match[index * 2] ?? -1;
    return start < 0 ? '' : slice(subject, start, match[index * 2 + 1] ?? start);
  });
}

function replaceAll(pattern: Program, text: string, replacement: (subject: Subject, match: Match) => string, { budget }: Context): string {
  const subject = subjectOf(text, budget);
  const end = subject.codes.length;
  const parts: string[] = [];
  let size = 0;
  const push = (part: string) => {
    size += part.length;
    budget.text(size);
    parts.push(part);
  };
  let lastEnd = 0;
  for (let position = 0; position <= end; ) {
    const match = findMatch(pattern, subject.codes, position, budget);
    if (match === undefined) break;
    const [start = 0, stop = 0] = match;
    push(slice(subject, lastEnd, start));
    if (stop > lastEnd || start === 0) push(replacement(subject, match));
    lastEnd = stop;
    position = Math.max(position + 1, stop);
  }
  push(slice(subject, lastEnd, end));
  return parts.join('');
}

function split(pattern: Program, source: string, text: string, limit: number, { budget }: Context): Value {
  if (limit === 0) return nilList('string');
  if (source !== '' && text === '') return list([''], 'string');
  const subject = subjectOf(text, budget);
  const parts: string[] = [];
  let start = 0;
  let end = 0;
  for (const [from = 0, to = 0] of allMatches(pattern, subject, limit < 0 ? Infinity : limit, budget)) {
    if (limit > 0 && parts.length === limit - 1) break;
    end = from;
    if (to !== 0) parts.push(slice(subject, start, end));
    start = to;
  }
  if (end !== subject.codes.length) parts.push(slice(subject, start, subject.codes.length));
  return list(parts, 'string');
}

// Every function twice: as it is and with must before its name.
function both(must: boolean): FunctionMap {
  const name = (base: string) => (must ? `mustR${base.slice(1)}` : base);
  return {
    [name('regexFind')]: fn(['string', 'string'], (pattern, text, context) => {
      const subject = subjectOf(text, context.budget);
      const match = findMatch(compiled(pattern, must, context), subject.codes, 0, context.budget);
      return match === undefined ? '' : slice(subject, match[0] ?? 0, match[1] ?? 0);
    }),
    [name('regexFindAll')]: fn(['string', 'string', 'int'], (pattern, text, limit, context) => {
      const subject = subjectOf(text, context.budget);
      const found = allMatches(compiled(pattern, must, context), subject, limit < 0 ? Infinity : limit, context.budget);
      if (found.length === 0) return nilList('string');
      return list(
        found.map(([start = 0, end = 0]) => slice(subject, start, end)),
        'string',
      );
    }),
    [name('regexReplaceAll')]: fn(['string', 'string', 'string'], (pattern, text, template, context) => {
      const regex = compiled(pattern, must, context);
      return replaceAll(regex, text, (subject, match) => expand(template, regex, subject, match), context);
    }),
    [name('regexReplaceAllLiteral')]: fn(['string', 'string', 'string'], (pattern, text, replacement, context) =>
      replaceAll(compiled(pattern, must, context), text, () => replacement, context),
    ),
    [name('regexSplit')]: fn(['string', 'string', 'int'], (pattern, text, limit, context) =>
      split(compiled(pattern, must, context), pattern, text, limit, context),
    ),
  };
}

function isMatch(pattern: string, text: string, context: Context): boolean {
  const regex = compiled(pattern, true, context);
  return findMatch(regex, subjectOf(text, context.budget).codes, 0, context.budget) !== undefined;
}

export const regexFunctions: FunctionMap = {
  ...both(false),
  ...both(true),
  mustRegexMatch: fn(['string', 'string'], isMatch),
  regexMatch: fn(['string', 'string'], (pattern, text, context) => {
    try {
      return isMatch(pattern, text, context);
    } catch (error) {
      if (error instanceof FunctionError) return false;
      throw error;
    }
  }),
  regexQuoteMeta: fn(['string'], (text) => text.replace(/[\\.+*?()|[\]{}^$]/g, '\\$&')),
};
