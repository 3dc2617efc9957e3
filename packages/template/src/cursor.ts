// The parser's place in the tokens, and its errors.
import { TemplateError } from './error.ts';
import { type Token, tokenize } from './lexer.ts';
import { quote } from './quote.ts';

/** Nesting of parentheses and blocks that the parser accepts: far beyond any real template, far below the stack's end. */
const MAX_NESTING = 400;

export interface Cursor {
  readonly name: string;
  readonly tokens: readonly Token[];
  readonly isFunction: (name: string) => boolean;
  /** Index of the next token. */
  index: number;
  /** Index of the furthest token that was read: Go reports its line. */
  furthest: number;
  /** Line of the action being parsed, 0 outside. */
  actionLine: number;
  nesting: number;
}

/** A cursor before the first token of a template. */
export function openCursor(name: string, text: string, isFunction: (name: string) => boolean): Cursor {
  return { name, tokens: tokenize(text), isFunction, index: 0, furthest: 0, actionLine: 0, nesting: 0 };
}

/** The next token without taking it. The last token (end or error) repeats. */
export function peek(cursor: Cursor): Token {
  cursor.furthest = Math.max(cursor.furthest, Math.min(cursor.index, cursor.tokens.length - 1));
  const token = cursor.tokens[Math.min(cursor.index, cursor.tokens.length - 1)];
  if (token === undefined) throw new Error('the lexer returned no token');
  return token;
}

/** Takes the next token. */
export function next(cursor: Cursor): Token {
  const token = peek(cursor);
  cursor.index++;
  return token;
}

/** Takes the next token that is not a space. */
export function nextNonSpace(cursor: Cursor): Token {
  for (;;) {
    const token = next(cursor);
    if (token.type !== 'space') return token;
  }
}

/** The next token that is not a space; spaces before it are taken. */
export function peekNonSpace(cursor: Cursor): Token {
  const token = nextNonSpace(cursor);
  cursor.index--;
  return token;
}

function describe(token: Token): string {
  if (token.type === 'eof') return 'EOF';
  if (token.type === 'error') return token.value;
  if (KEYWORD_TYPES.has(token.type)) return `<${token.value}>`;
  const runes = Array.from(token.value);
  return runes.length > 10 || token.value.length > 10 ? `${quote(runes.slice(0, 10).join(''))}...` : quote(token.value);
}

const KEYWORD_TYPES: ReadonlySet<string> = new Set([
  'dot',
  'block',
  'break',
  'continue',
  'define',
  'else',
  'end',
  'if',
  'nil',
  'range',
  'template',
  'with',
]);

/** Fails as Go's parser does: with the line of the furthest token that was read. */
export function fail(cursor: Cursor, message: string): never {
  const line = cursor.tokens[cursor.furthest]?.line ?? 1;
  throw new TemplateError('TEMPLATE_PARSE', `template: ${cursor.name}:${line}: ${message}`, { file: cursor.name, line });
}

/** Fails because this token cannot stand here. */
export function unexpected(cursor: Cursor, token: Token, context: string): never {
  if (token.type !== 'error') return fail(cursor, `unexpected ${describe(token)} in ${context}`);
  if (cursor.actionLine === 0 || cursor.actionLine === token.line) return fail(cursor, token.value);
  const where = `action started at ${cursor.name}:${cursor.actionLine}`;
  return fail(cursor, `${token.value} ${token.value.endsWith(' action') ? where.slice('action '.length) : `in ${where}`}`);
}

/** Takes the next token that is not a space; it must have this type. */
export function expect(cursor: Cursor, type: Token['type'], context: string): Token {
  const token = nextNonSpace(cursor);
  return token.type === type ? token : unexpected(cursor, token, context);
}

/** Parses something nested, within the limit. */
export function nested<T>(cursor: Cursor, parse: () => T): T {
  if (++cursor.nesting > MAX_NESTING) fail(cursor, `nested more than ${MAX_NESTING} deep`);
  const result = parse();
  cursor.nesting--;
  return result;
}
