import { replaced, withoutPrefix, withoutSuffix } from './shell-pattern.ts';

/** Looks up a variable; undefined when there is none. */
export type Lookup = (name: string) => string | undefined;

/** A word that cannot be expanded; the message says why, the line is the caller's to add. */
export class WordError extends Error {}

/**
 * Replaces `$name` and `${name}` with their forms of a shell (`:-` `-` `:+` `+` `:?` `?` `#` `##` `%` `%%` `/` `//`), and removes quotes
 * and escapes: nothing is special inside single quotes; inside double quotes a backslash escapes only `"`, `$` and itself. Throws `WordError`.
 */
export function expandWord(word: string, lookup: Lookup): string {
  return expandUntil({ text: word, at: 0, lookup }, undefined).text;
}

/** As `expandWord`, and then cut at blanks that came unquoted, also out of variables. */
export function expandWords(word: string, lookup: Lookup): readonly string[] {
  return expandUntil({ text: word, at: 0, lookup }, undefined).words;
}

/**
 * Replaces variables in a here-document, as a shell does there: quotes are characters like others, and a backslash escapes only `$`, a
 * backquote, itself and the end of a line. Throws `WordError`.
 */
export function expandDocument(text: string, lookup: Lookup): string {
  const cursor: Cursor = { text, at: 0, lookup };
  let result = '';
  while (cursor.at < text.length) {
    const character = text.charAt(cursor.at);
    if (character === '$') {
      result += variable(cursor);
      continue;
    }
    const next = text.charAt(cursor.at + 1);
    const isEscape = character === '\\' && next !== '' && '$`\\\n'.includes(next);
    if (!isEscape) result += character;
    else if (next !== '\n') result += next;
    cursor.at += isEscape ? 2 : 1;
  }
  return result;
}

interface Cursor {
  readonly text: string;
  at: number;
  readonly lookup: Lookup;
}

interface Expanded {
  readonly text: string;
  readonly words: readonly string[];
}

function expandUntil(cursor: Cursor, stop: string | undefined, escapes?: 'keep escapes'): Expanded {
  let text = '';
  const words: string[] = [];
  let word = '';
  const add = (part: string, splits: boolean): void => {
    text += part;
    if (!splits) {
      word += part;
      return;
    }
    for (const character of part) {
      if (!/\s/.test(character)) word += character;
      else if (word !== '') {
        words.push(word);
        word = '';
      }
    }
  };
  const done = (): Expanded => ({ text, words: word === '' ? words : [...words, word] });
  while (cursor.at < cursor.text.length) {
    const character = cursor.text.charAt(cursor.at);
    if (character === stop) {
      cursor.at++;
      return done();
    }
    if (character === "'") add(singleQuoted(cursor), false);
    else if (character === '"') add(doubleQuoted(cursor), false);
    else if (character === '$') add(variable(cursor), true);
    else if (character === '\\') {
      add((escapes === undefined ? '' : '\\') + cursor.text.charAt(cursor.at + 1), false);
      cursor.at += 2;
    } else {
      add(character, true);
      cursor.at++;
    }
  }
  if (stop !== undefined) throw new WordError(`'${cursor.text}' lacks a closing ${stop}`);
  return done();
}

function singleQuoted(cursor: Cursor): string {
  const end = cursor.text.indexOf("'", cursor.at + 1);
  if (end < 0) throw new WordError(`${cursor.text} lacks a closing single quote`);
  const inside = cursor.text.slice(cursor.at + 1, end);
  cursor.at = end + 1;
  return inside;
}

function doubleQuoted(cursor: Cursor): string {
  let result = '';
  cursor.at++;
  while (cursor.at < cursor.text.length) {
    const character = cursor.text.charAt(cursor.at);
    if (character === '"') {
      cursor.at++;
      return result;
    }
    if (character === '$') {
      result += variable(cursor);
      continue;
    }
    const next = cursor.text.charAt(cursor.at + 1);
    const isEscape = character === '\\' && (next === '"' || next === '$' || next === '\\');
    result += isEscape ? next : character === '\\' && next === '' ? '' : character;
    cursor.at += isEscape ? 2 : 1;
  }
  throw new WordError(`${cursor.text} lacks a closing double quote`);
}

function variable(cursor: Cursor): string {
  cursor.at++;
  if (cursor.text.charAt(cursor.at) !== '{') {
    const name = nameAt(cursor);
    return name === '' ? '$' : (cursor.lookup(name) ?? '');
  }
  cursor.at++;
  const name = nameAt(cursor);
  const value = cursor.lookup(name);
  const next = take(cursor);
  if (next === '}') return value ?? '';
  if (next === ':') return withDefault(cursor, name, value === '' ? undefined : value, take(cursor));
  if (next === '-' || next === '+' || next === '?') return withDefault(cursor, name, value, next);
  if (next === '#' || next === '%') {
    const isLongest = cursor.text.charAt(cursor.at) === next;
    if (isLongest) cursor.at++;
    const pattern = expandUntil(cursor, '}', 'keep escapes').text;
    return next === '#' ? withoutPrefix(value ?? '', pattern, isLongest) : withoutSuffix(value ?? '', pattern, isLongest);
  }
  if (next === '/') {
    const isAll = cursor.text.charAt(cursor.at) === '/';
    if (isAll) cursor.at++;
    const pattern = expandUntil(cursor, '/', 'keep escapes').text;
    const by = expandUntil(cursor, '}').text;
    return value === undefined ? '' : replaced(value, pattern, by, isAll);
  }
  throw new WordError(`'${cursor.text}' has a \${ that is neither \${name} nor \${name:-value} nor \${name:+value}`);
}

function take(cursor: Cursor): string {
  cursor.at++;
  return cursor.text.charAt(cursor.at - 1);
}

// The dash, plus and question mark of ${name-word}; with a colon before it an empty value is like none.
function withDefault(cursor: Cursor, name: string, value: string | undefined, operator: string): string {
  const word = expandUntil(cursor, '}').text;
  if (operator === '-') return value ?? word;
  if (operator === '+') return value === undefined ? '' : word;
  if (operator !== '?') throw new WordError(`'${cursor.text}' has \${${name}:${operator}…}; only :-, :+ and :? are known`);
  if (value === undefined) throw new WordError(`${name} is not set${word === '' ? '' : `: ${word}`}`);
  return value;
}

// A name that begins with a digit is that digit alone.
function nameAt(cursor: Cursor): string {
  const name = /^(?:\p{Nd}|[\p{L}_][\p{L}\p{Nd}_]*)/u.exec(cursor.text.slice(cursor.at))?.[0] ?? '';
  cursor.at += name.length;
  return name;
}
