// The syntax of RE2, which is that of Go's regexp: https://github.com/google/re2/wiki/Syntax
import { type CharacterSet, complement, type Member, PERL_CLASSES, POSIX_CLASSES, unicodeClass } from './characters.ts';

export type Assertion = 'textStart' | 'textEnd' | 'lineStart' | 'lineEnd' | 'wordBoundary' | 'noWordBoundary';

export type Node =
  | { readonly kind: 'empty' }
  | { readonly kind: 'set'; readonly set: CharacterSet }
  | { readonly kind: 'assertion'; readonly assertion: Assertion }
  | { readonly kind: 'sequence'; readonly nodes: readonly Node[] }
  | { readonly kind: 'choice'; readonly nodes: readonly Node[] }
  | { readonly kind: 'repeat'; readonly node: Node; readonly least: number; readonly most: number; readonly greedy: boolean }
  | { readonly kind: 'group'; readonly node: Node; readonly index: number };

export interface Pattern {
  readonly node: Node;
  /** Names of the groups, by index; index 0 is the whole match. */
  readonly groups: readonly (string | undefined)[];
}

/** What is wrong with a pattern, in Go's words. */
export class PatternError extends Error {
  override readonly name: string = 'PatternError';
}

interface Flags {
  readonly fold: boolean;
  readonly dotAll: boolean;
  readonly lines: boolean;
  readonly ungreedy: boolean;
}

interface Parser {
  readonly text: string;
  at: number;
  flags: Flags;
  depth: number;
  readonly groups: (string | undefined)[];
}

const MAX_REPEAT = 1000;
const MAX_DEPTH = 300;
const ESCAPES: Readonly<Record<string, number>> = { a: 7, f: 12, n: 10, r: 13, t: 9, v: 11 };

function fail(message: string, context: string): never {
  throw new PatternError(`error parsing regexp: ${message}: \`${context}\``);
}

/**
 * Parses a pattern.
 *
 * @throws PatternError
 */
export function parsePattern(text: string): Pattern {
  const parser: Parser = {
    text,
    at: 0,
    flags: { fold: false, dotAll: false, lines: false, ungreedy: false },
    depth: 0,
    groups: [undefined],
  };
  const node = parseChoice(parser);
  if (parser.at < text.length) fail('unexpected )', text);
  checkRepeats(node, 1, text);
  return { node, groups: parser.groups };
}

function take(parser: Parser): string {
  const code = parser.text.codePointAt(parser.at);
  if (code === undefined) return '';
  const rune = String.fromCodePoint(code);
  parser.at += rune.length;
  return rune;
}

function peek(parser: Parser): string {
  return parser.text.charAt(parser.at);
}

function literal(code: number, flags: Flags): Node {
  return { kind: 'set', set: { members: [{ from: code, to: code }], negated: false, folded: flags.fold } };
}

function setNode(members: readonly Member[], negated = false, folded = false): Node {
  return { kind: 'set', set: { members, negated, folded } };
}

function parseChoice(parser: Parser): Node {
  if (++parser.depth > MAX_DEPTH) fail('expression nests too deeply', parser.text);
  const { flags } = parser;
  const nodes = [parseSequence(parser)];
  while (peek(parser) === '|') {
    parser.at++;
    nodes.push(parseSequence(parser));
  }
  parser.flags = flags;
  parser.depth--;
  const [only] = nodes;
  return nodes.length === 1 && only !== undefined ? only : { kind: 'choice', nodes };
}

function parseSequence(parser: Parser): Node {
  const nodes: Node[] = [];
  while (parser.at < parser.text.length && peek(parser) !== '|' && peek(parser) !== ')') {
    if (parser.text.startsWith('\\Q', parser.at)) nodes.push(...parseQuotation(parser));
    else {
      const node = parseAtom(parser);
      if (node !== undefined) nodes.push(node);
    }
    const last = nodes.pop();
    if (last !== undefined) nodes.push(parseRepeats(parser, last));
  }
  return { kind: 'sequence', nodes };
}

// \Q…\E: the text as it is.
function parseQuotation(parser: Parser): Node[] {
  const end = parser.text.indexOf('\\E', parser.at + 2);
  const quoted = parser.text.slice(parser.at + 2, end < 0 ? undefined : end);
  parser.at = end < 0 ? parser.text.length : end + 2;
  return Array.from(quoted, (rune) => literal(rune.codePointAt(0) ?? 0, parser.flags));
}

// {2}, {2,} or {2,5}; undefined where the brace is an ordinary character.
function parseCounts(parser: Parser): { least: number; most: number } | undefined {
  const match = /^\{(0|[1-9][0-9]*)(,(0|[1-9][0-9]*)?)?\}/.exec(parser.text.slice(parser.at, parser.at + 24));
  if (match === null) return undefined;
  const least = Number(match[1]);
  const most = match[2] === undefined ? least : match[3] === undefined ? Number.POSITIVE_INFINITY : Number(match[3]);
  const tooLarge = least > MAX_REPEAT || (most > MAX_REPEAT && most !== Number.POSITIVE_INFINITY) || most < least;
  if (tooLarge) fail('invalid repeat count', match[0]);
  parser.at += match[0].length;
  return { least, most };
}

function parseOperator(parser: Parser): { least: number; most: number } | undefined {
  const counts = { '*': { least: 0, most: Infinity }, '+': { least: 1, most: Infinity }, '?': { least: 0, most: 1 } };
  const operator = peek(parser);
  if (operator === '{') return parseCounts(parser);
  if (operator !== '*' && operator !== '+' && operator !== '?') return undefined;
  parser.at++;
  return counts[operator];
}

function parseRepeats(parser: Parser, node: Node): Node {
  const start = parser.at;
  const counts = parseOperator(parser);
  if (counts === undefined) return node;
  const lazy = peek(parser) === '?';
  if (lazy) parser.at++;
  const again = parser.at;
  if (parseOperator(parser) !== undefined) fail('invalid nested repetition operator', parser.text.slice(start, parser.at));
  parser.at = again;
  return { kind: 'repeat', node, ...counts, greedy: lazy === parser.flags.ungreedy };
}

function parseAtom(parser: Parser): Node | undefined {
  const start = parser.at;
  const { flags } = parser;
  switch (peek(parser)) {
    case '(':
      return parseGroup(parser);
    case '[':
      return parseClass(parser);
    case '\\':
      return parseEscape(parser);
    case '.':
      parser.at++;
      return flags.dotAll ? setNode([], true) : setNode([{ from: 10, to: 10 }], true);
    case '^':
      parser.at++;
      return { kind: 'assertion', assertion: flags.lines ? 'lineStart' : 'textStart' };
    case '$':
      parser.at++;
      return { kind: 'assertion', assertion: flags.lines ? 'lineEnd' : 'textEnd' };
    default:
  }
  if (parseOperator(parser) !== undefined) fail('missing argument to repetition operator', parser.text.slice(start, parser.at));
  return literal(take(parser).codePointAt(0) ?? 0, flags);
}

function closeGroup(parser: Parser): void {
  if (peek(parser) !== ')') fail('missing closing )', parser.text);
  parser.at++;
}

function parseGroup(parser: Parser): Node | undefined {
  const rest = parser.text.slice(parser.at);
  const named = /^\(\?P?<([^>]*)>/.exec(rest);
  if (named !== null) {
    const [whole, name = ''] = named;
    if (!/^[A-Za-z0-9_]+$/.test(name)) fail('invalid named capture', whole);
    parser.at += whole.length;
    return capture(parser, name);
  }
  if (rest.startsWith('(?P<')) fail('invalid named capture', rest);
  if (!rest.startsWith('(?')) {
    parser.at++;
    return capture(parser, undefined);
  }
  return parseFlags(parser, rest);
}

function capture(parser: Parser, name: string | undefined): Node {
  const index = parser.groups.length;
  parser.groups.push(name);
  const node = parseChoice(parser);
  closeGroup(parser);
  return { kind: 'group', node, index };
}

// (?i), (?i-s:…) and the like.
function parseFlags(parser: Parser, rest: string): Node | undefined {
  const [whole, on = '', off = '', end = ''] = /^\(\?([imsU]*)(?:-([imsU]+))?([:)])/.exec(rest) ?? [];
  if (whole === undefined) return fail('invalid or unsupported Perl syntax', /^\(\?(?:P.?|[imsU-]*.?)/su.exec(rest)?.[0] ?? rest);
  const pick = (letter: string, before: boolean) => (before || on.includes(letter)) && !off.includes(letter);
  const { flags } = parser;
  const changed = {
    fold: pick('i', flags.fold),
    lines: pick('m', flags.lines),
    dotAll: pick('s', flags.dotAll),
    ungreedy: pick('U', flags.ungreedy),
  };
  parser.at += whole.length;
  parser.flags = changed;
  if (end === ')') return undefined;
  const node = parseChoice(parser);
  closeGroup(parser);
  parser.flags = flags;
  return node;
}

function classEscape(parser: Parser): Member[] | undefined {
  const letter = parser.text.charAt(parser.at + 1);
  const perl = PERL_CLASSES[letter.toLowerCase()];
  if (perl !== undefined) {
    parser.at += 2;
    return letter === letter.toLowerCase() ? [...perl] : complement(perl);
  }
  if (letter !== 'p' && letter !== 'P') return undefined;
  const [whole = '', braced, single = ''] = /^\\[pP](?:\{([^}]*)\}|([^{]))/su.exec(parser.text.slice(parser.at)) ?? [];
  const name = braced ?? single;
  const test = whole === '' ? undefined : unicodeClass(name.replace(/^\^/, ''));
  if (test === undefined) fail('invalid character class range', whole === '' ? parser.text.slice(parser.at) : whole);
  parser.at += whole.length;
  return [{ test, negated: (letter === 'P') !== name.startsWith('^') }];
}

// A backslash that stands for one character.
function characterEscape(parser: Parser): number {
  const rest = parser.text.slice(parser.at);
  const hex = /^\\x(?:\{([0-9a-fA-F]{1,6})\}|([0-9a-fA-F]{2}))/.exec(rest);
  const octal = /^\\(0[0-7]{0,2}|[1-7][0-7]{1,2})/.exec(rest);
  if (hex !== null || octal !== null) {
    const code = hex !== null ? Number.parseInt(hex[1] ?? hex[2] ?? '', 16) : Number.parseInt(octal?.[1] ?? '', 8);
    const [whole] = hex ?? octal ?? [''];
    if (code > 0x10ffff) fail('invalid escape sequence', whole);
    parser.at += whole.length;
    return code;
  }
  const letter = Array.from(rest.slice(1, 3))[0];
  if (letter === undefined) return fail('trailing backslash at end of expression', '');
  const special = ESCAPES[letter];
  if (special === undefined && (/[0-9A-Za-z]/.test(letter) || letter.charCodeAt(0) >= 0x80)) fail('invalid escape sequence', `\\${letter}`);
  parser.at += 1 + letter.length;
  return special ?? letter.charCodeAt(0);
}

function parseEscape(parser: Parser): Node {
  const assertions: Readonly<Record<string, Assertion>> = { A: 'textStart', z: 'textEnd', b: 'wordBoundary', B: 'noWordBoundary' };
  const assertion = assertions[parser.text.charAt(parser.at + 1)];
  if (assertion !== undefined) {
    parser.at += 2;
    return { kind: 'assertion', assertion };
  }
  const members = classEscape(parser);
  if (members !== undefined) return setNode(members, false, parser.flags.fold);
  return literal(characterEscape(parser), parser.flags);
}

function parseClass(parser: Parser): Node {
  const start = parser.at;
  parser.at++;
  const negated = peek(parser) === '^';
  if (negated) parser.at++;
  const members: Member[] = [];
  for (let first = true; first || peek(parser) !== ']'; first = false) {
    if (parser.at >= parser.text.length) fail('missing closing ]', parser.text.slice(start));
    const dangling = peek(parser) === '-' && !first && parser.text.charAt(parser.at + 1) !== ']';
    if (dangling) fail('invalid character class range', parser.text.slice(parser.at, parser.at + 2));
    members.push(...classMember(parser, start));
  }
  parser.at++;
  // Without (?s) a negated class still matches a newline, in Go as in Perl.
  return setNode(members, negated, parser.flags.fold);
}

function classMember(parser: Parser, start: number): readonly Member[] {
  const posix = /^\[:(\^?)([^\]]*?):\]/.exec(parser.text.slice(parser.at));
  if (posix !== null) {
    const [whole, not, name = ''] = posix;
    const ranges = POSIX_CLASSES[name];
    if (ranges === undefined) return fail('invalid character class range', whole);
    parser.at += whole.length;
    return not === '^' ? complement(ranges) : ranges;
  }
  if (peek(parser) === '\\') {
    const members = classEscape(parser);
    if (members !== undefined) return members;
  }
  const begin = parser.at;
  const from = classCharacter(parser, start);
  if (peek(parser) !== '-' || parser.at + 1 >= parser.text.length || parser.text.charAt(parser.at + 1) === ']') return [{ from, to: from }];
  parser.at++;
  const to = classCharacter(parser, start);
  if (to < from) fail('invalid character class range', parser.text.slice(begin, parser.at));
  return [{ from, to }];
}

function classCharacter(parser: Parser, start: number): number {
  if (parser.at >= parser.text.length) return fail('missing closing ]', parser.text.slice(start));
  return peek(parser) === '\\' ? characterEscape(parser) : (take(parser).codePointAt(0) ?? 0);
}

// Repeats inside repeats must not multiply to more than one of them may count.
function checkRepeats(node: Node, factor: number, text: string): void {
  if (node.kind === 'sequence' || node.kind === 'choice') for (const inner of node.nodes) checkRepeats(inner, factor, text);
  if (node.kind === 'group') checkRepeats(node.node, factor, text);
  if (node.kind !== 'repeat') return;
  const own = Number.isFinite(node.most) ? node.most : node.least;
  const product = own > 1 ? factor * own : factor;
  if (product > MAX_REPEAT)
    fail('invalid repeat count', `{${node.least}${node.most === node.least ? '' : `,${Number.isFinite(node.most) ? node.most : ''}`}}`);
  checkRepeats(node.node, product, text);
}
