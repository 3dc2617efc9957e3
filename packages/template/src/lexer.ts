// The lexer of Go's text/template (text/template/parse/lex.go describes the language), over a whole text at once.
import { isPrintable, quote } from './quote.ts';

export type TokenType =
  | 'error'
  | 'bool'
  | 'char'
  | 'charConstant'
  | 'assign'
  | 'declare'
  | 'eof'
  | 'field'
  | 'identifier'
  | 'leftDelim'
  | 'leftParen'
  | 'number'
  | 'pipe'
  | 'rawString'
  | 'rightDelim'
  | 'rightParen'
  | 'space'
  | 'string'
  | 'text'
  | 'variable'
  | Keyword;

export type Keyword = 'block' | 'break' | 'continue' | 'dot' | 'define' | 'else' | 'end' | 'if' | 'nil' | 'range' | 'template' | 'with';

export interface Token {
  readonly type: TokenType;
  /** Offset in the text, in UTF-16 units. */
  readonly position: number;
  readonly value: string;
  /** Line on which the token starts, from 1. */
  readonly line: number;
}

const KEYWORDS: ReadonlySet<string> = new Set([
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
] satisfies Keyword[]);

const LEFT = '{{';
const RIGHT = '}}';
const LETTER_OR_DIGIT = /^[\p{L}\p{Nd}_]$/u;
const SPACES = ' \t\r\n';

function isSpace(character: string): boolean {
  return character !== '' && SPACES.includes(character);
}

function isAlphaNumeric(character: string): boolean {
  return LETTER_OR_DIGIT.test(character);
}

// Go's %#U.
function codePointName(character: string): string {
  if (character === '') return 'U+FFFFFFFFFFFFFFFF';
  const code = character.codePointAt(0) ?? 0;
  const name = `U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
  return isPrintable(character) ? `${name} '${character}'` : name;
}

/** Splits a template into tokens; the last one is `eof`, or `error` with what is wrong as its value. */
export function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  let position = 0;
  let start = 0;
  let line = 1;

  const at = (offset: number): string => {
    const code = text.codePointAt(offset);
    return code === undefined ? '' : String.fromCodePoint(code);
  };
  const peek = () => at(position);
  const skip = () => {
    for (let i = start; i < position; i++) if (text.charCodeAt(i) === 10) line++;
    start = position;
  };
  const emit = (type: TokenType) => {
    tokens.push({ type, position: start, value: text.slice(start, position), line });
    skip();
  };
  const fail = (message: string): false => {
    tokens.push({ type: 'error', position: start, value: message, line });
    return false;
  };
  const accept = (set: string): boolean => {
    if (position >= text.length || !set.includes(text.charAt(position))) return false;
    position++;
    return true;
  };
  const acceptRun = (set: string) => {
    while (accept(set));
  };
  const trimmedRightDelim = () =>
    isSpace(text.charAt(position)) && text.charAt(position + 1) === '-' && text.startsWith(RIGHT, position + 2);
  const atRightDelim = () => trimmedRightDelim() || text.startsWith(RIGHT, position);
  const atTerminator = () => {
    const next = peek();
    return next === '' || isSpace(next) || '.,|:)('.includes(next) || text.startsWith(RIGHT, position);
  };
  const skipSpacesAfterDelim = () => {
    while (isSpace(text.charAt(position))) position++;
    skip();
  };

  // Text up to the next action; false at the end of the input.
  const lexText = (): boolean => {
    const found = text.indexOf(LEFT, position);
    position = found < 0 ? text.length : found;
    if (found >= 0 && text.charAt(found + 2) === '-' && isSpace(text.charAt(found + 3))) {
      while (position > start && isSpace(text.charAt(position - 1))) position--;
    }
    if (position > start) emit('text');
    if (found < 0) {
      emit('eof');
      return false;
    }
    position = found;
    skip();
    return true;
  };

  const lexComment = (afterMarker: number): boolean => {
    position += afterMarker;
    skip();
    const end = text.indexOf('*/', position + 2);
    if (end < 0) return fail('unclosed comment');
    position = end + 2;
    if (!atRightDelim()) return fail('comment ends before closing delimiter');
    const trim = trimmedRightDelim();
    position += trim ? 4 : 2;
    skip();
    if (trim) skipSpacesAfterDelim();
    return true;
  };

  const lexRightDelim = () => {
    const trim = trimmedRightDelim();
    if (trim) {
      position += 2;
      skip();
    }
    position += RIGHT.length;
    emit('rightDelim');
    if (trim) skipSpacesAfterDelim();
  };

  const lexQuoted = (delimiter: '"' | "'", type: TokenType, what: string): boolean => {
    for (;;) {
      const next = text.charAt(position++);
      if (next === '\\' && position < text.length && text.charAt(position) !== '\n') position++;
      else if (next === '' || next === '\n' || next === '\\') return fail(`unterminated ${what}`);
      else if (next === delimiter) break;
    }
    emit(type);
    return true;
  };

  const lexRawQuote = (): boolean => {
    const end = text.indexOf('`', position);
    if (end < 0) return fail('unterminated raw quoted string');
    position = end + 1;
    emit('rawString');
    return true;
  };

  const scanNumber = (): boolean => {
    accept('+-');
    let digits = '0123456789_';
    if (accept('0')) {
      if (accept('xX')) digits = '0123456789abcdefABCDEF_';
      else if (accept('oO')) digits = '01234567_';
      else if (accept('bB')) digits = '01_';
    }
    acceptRun(digits);
    if (accept('.')) acceptRun(digits);
    if (digits.length === 11 && accept('eE')) {
      accept('+-');
      acceptRun('0123456789_');
    }
    if (digits.length === 23 && accept('pP')) {
      accept('+-');
      acceptRun('0123456789_');
    }
    accept('i');
    const next = peek();
    if (!isAlphaNumeric(next)) return true;
    position += next.length;
    return false;
  };

  const lexNumber = (): boolean => {
    const good = scanNumber();
    if (good && (peek() === '+' || peek() === '-'))
      scanNumber(); // a complex constant, which Go has and this package does not
    else if (good) {
      emit('number');
      return true;
    }
    return fail(`bad number syntax: ${quote(text.slice(start, position))}`);
  };

  const lexWord = (): string => {
    for (let next = peek(); isAlphaNumeric(next); next = peek()) position += next.length;
    return text.slice(start, position);
  };

  const lexFieldOrVariable = (type: 'field' | 'variable'): boolean => {
    if (atTerminator()) {
      emit(type === 'variable' ? 'variable' : 'dot');
      return true;
    }
    lexWord();
    if (!atTerminator()) return fail(`bad character ${codePointName(peek())}`);
    emit(type);
    return true;
  };

  const lexIdentifier = (): boolean => {
    const word = lexWord();
    if (!atTerminator()) return fail(`bad character ${codePointName(peek())}`);
    if (KEYWORDS.has(word)) emit(word as Keyword);
    else emit(word === 'true' || word === 'false' ? 'bool' : 'identifier');
    return true;
  };

  // A run of spaces; the last one may belong to a trimming right delimiter.
  const lexSpace = () => {
    while (isSpace(text.charAt(position))) position++;
    position--;
    if (!trimmedRightDelim()) position++;
    if (position > start) emit('space');
  };

  const lexInside = (): boolean => {
    let depth = 0;
    for (;;) {
      if (atRightDelim()) {
        if (depth > 0) return fail('unclosed left paren');
        lexRightDelim();
        return true;
      }
      const next = peek();
      if (next === '') return fail('unclosed action');
      if (isSpace(next)) {
        lexSpace();
        continue;
      }
      position += next.length;
      let good = true;
      if (next === '=') emit('assign');
      else if (next === ':') {
        if (text.charAt(position++) !== '=') return fail('expected :=');
        emit('declare');
      } else if (next === '|') emit('pipe');
      else if (next === '"') good = lexQuoted('"', 'string', 'quoted string');
      else if (next === '`') good = lexRawQuote();
      else if (next === '$') good = lexFieldOrVariable('variable');
      else if (next === "'") good = lexQuoted("'", 'charConstant', 'character constant');
      else if (next === '.' && !/[0-9]/.test(text.charAt(position))) good = lexFieldOrVariable('field');
      else if (/[-+.0-9]/.test(next)) {
        position = start;
        good = lexNumber();
      } else if (isAlphaNumeric(next)) {
        position = start;
        good = lexIdentifier();
      } else if (next === '(') {
        emit('leftParen');
        depth++;
      } else if (next === ')') {
        emit('rightParen');
        depth--;
        if (depth < 0) return fail(`unexpected right paren ${codePointName(next)}`);
      } else if (next >= ' ' && next < '\x7f') emit('char');
      else return fail(`unrecognized character in action: ${codePointName(next)}`);
      if (!good) return false;
    }
  };

  while (lexText()) {
    position += LEFT.length;
    const trim = text.charAt(position) === '-' && isSpace(text.charAt(position + 1));
    const afterMarker = trim ? 2 : 0;
    if (text.startsWith('/*', position + afterMarker)) {
      if (!lexComment(afterMarker)) break;
      continue;
    }
    emit('leftDelim');
    position += afterMarker;
    skip();
    if (!lexInside()) break;
  }
  return tokens;
}
