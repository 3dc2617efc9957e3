/** One of the ways a server offers to log in (RFC 9110 §11.6.1). */
export interface Challenge {
  /** In lower case: `basic`, `bearer`. */
  readonly scheme: string;
  /** Names in lower case. */
  readonly parameters: Readonly<Record<string, string>>;
}

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+/;

/** Reads a `WWW-Authenticate` header, which may hold several challenges. What cannot be understood ends the list. */
export function parseChallenges(header: string): readonly Challenge[] {
  const challenges: { scheme: string; parameters: Record<string, string> }[] = [];
  let rest = header;
  for (;;) {
    rest = rest.replace(/^[\s,]+/, '');
    const word = TOKEN.exec(rest)?.[0];
    if (word === undefined) return challenges;
    const afterWord = rest.slice(word.length);
    const equals = /^\s*=\s*(?!=)/.exec(afterWord);
    const current = challenges.at(-1);
    if (equals === null || current === undefined) {
      challenges.push({ scheme: word.toLowerCase(), parameters: {} });
      rest = afterWord;
      continue;
    }
    const value = readValue(afterWord.slice(equals[0].length));
    if (value === undefined) return challenges;
    current.parameters[word.toLowerCase()] = value.text;
    rest = value.rest;
  }
}

function readValue(text: string): { readonly text: string; readonly rest: string } | undefined {
  const quoted = /^"((?:[^"\\]|\\.)*)"/.exec(text);
  if (quoted) return { text: (quoted[1] ?? '').replace(/\\(.)/g, '$1'), rest: text.slice(quoted[0].length) };
  // Some servers do not quote addresses.
  const bare = /^[^\s,"]+/.exec(text)?.[0];
  return bare === undefined ? undefined : { text: bare, rest: text.slice(bare.length) };
}
