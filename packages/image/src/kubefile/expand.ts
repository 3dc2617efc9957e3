/** Looks up a variable; undefined when there is none. */
export type Lookup = (name: string) => string | undefined;

/** A word that cannot be expanded; the message says why, the line is the caller's to add. */
export class WordError extends Error {}

/**
 * Replaces `$name`, `${name}`, `${name:-word}` and `${name:+word}`, and removes quotes and escapes: nothing is special inside single
 * quotes; inside double quotes a backslash escapes only `"`, `$` and itself. Throws `WordError`.
 */
export function expandWord(word: string, lookup: Lookup): string {
  return expandUntil({ text: word, at: 0, lookup }, undefined).text;
}

/** As `expandWord`, and then cut at blanks that came unquoted, also out of variables. */
export function expandWords(word: string, lookup: Lookup): readonly string[] {
  return expandUntil({ text: word, at: 0, lookup }, undefined).words;
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

function expandUntil(cursor: Cursor, stop: string | undefined): Expanded {
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
      add(cursor.text.charAt(cursor.at + 1), false);
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
  const next = cursor.text.charAt(cursor.at);
  cursor.at++;
  if (next === '}') return cursor.lookup(name) ?? '';
  if (next !== ':') throw new WordError(`'${cursor.text}' has a \${ that is neither \${name} nor \${name:-value} nor \${name:+value}`);
  const modifier = cursor.text.charAt(cursor.at);
  cursor.at++;
  const word = expandUntil(cursor, '}').text;
  const value = cursor.lookup(name) ?? '';
  if (modifier === '-') return value === '' ? word : value;
  if (modifier === '+') return value === '' ? '' : word;
  throw new WordError(`'${cursor.text}' has \${${name}:${modifier}…}; only :- and :+ are known`);
}

// A name that begins with a digit is that digit alone.
function nameAt(cursor: Cursor): string {
  const name = /^(?:\p{Nd}|[\p{L}_][\p{L}\p{Nd}_]*)/u.exec(cursor.text.slice(cursor.at))?.[0] ?? '';
  cursor.at += name.length;
  return name;
}
