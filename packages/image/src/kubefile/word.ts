import type { Pair } from './instruction.ts';

const SPACES = /[\t\v\f\r ]+/;

/** Cuts at every blank, whatever the quotes: how COPY, EXPOSE, VOLUME and FROM read their arguments. */
export function splitAtBlanks(text: string): readonly string[] {
  return text === '' ? [] : text.split(SPACES);
}

/** Cuts into words at blanks outside of quotes. Quotes and escapes stay in the words: replacing variables needs them. */
export function splitWords(text: string, escapeCharacter: string): readonly string[] {
  const words: string[] = [];
  let word = '';
  let quote = '';
  let quoted = false;
  const end = (): void => {
    if (quoted || word !== '') words.push(word);
    word = '';
    quoted = false;
  };
  for (let at = 0; at < text.length; at++) {
    const character = text.charAt(at);
    if (character === escapeCharacter && quote !== "'") {
      const next = text.charAt(at + 1);
      if (next === '') break; // an escape with nothing behind it means nothing
      word += character + next;
      at++;
    } else if (quote !== '') {
      if (character === quote) quote = '';
      word += character;
    } else if (/\s/.test(character)) {
      end();
    } else {
      if (character === '"' || character === "'") {
        quote = character;
        quoted = true;
      }
      word += character;
    }
  }
  end();
  return words;
}

/**
 * The name-value pairs of ENV and LABEL: `a=b c="d e"`, or the old form `a b c` where all behind the name is one value. The first
 * word decides which. Returns what is wrong as a text.
 */
export function splitPairs(text: string, escapeCharacter: string, keyword: string): readonly Pair[] | string {
  const words = splitWords(text, escapeCharacter);
  const [first] = words;
  if (first === undefined) return `${keyword} needs a name and a value`;
  if (!first.includes('=')) {
    const [, key, value] = /^([^\t\v\f\r ]+)[\t\v\f\r ]+([\s\S]*)$/.exec(text) ?? [];
    if (key === undefined || value === undefined) return `${keyword} ${text} has no value`;
    return [{ key, value }];
  }
  const pairs: Pair[] = [];
  for (const word of words) {
    const equals = word.indexOf('=');
    if (equals < 0) return `'${word}' is not NAME=VALUE (a value with blanks needs quotes)`;
    if (equals === 0) return `'${word}' has no name before the =`;
    pairs.push({ key: word.slice(0, equals), value: word.slice(equals + 1) });
  }
  return pairs;
}

/** Takes leading `--name=value` words off; their quotes are removed. */
export function splitFlags(text: string): { readonly flags: readonly string[]; readonly rest: string } {
  const flags: string[] = [];
  let rest = text.trimStart();
  while (rest.startsWith('--')) {
    const found = /^(?:"[^"]*"|'[^']*'|\\.|[^\s\\"'])+/.exec(rest)?.[0];
    if (found === undefined) break;
    rest = rest.slice(found.length).trimStart();
    if (found === '--') break;
    flags.push(found.replace(/"([^"]*)"|'([^']*)'|\\(.)/g, (_, double, single, escaped) => double ?? single ?? escaped));
  }
  return { flags, rest };
}
