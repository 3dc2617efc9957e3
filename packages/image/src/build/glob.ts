/** Whether a path's part is a pattern and not just a name. */
export function isPattern(part: string): boolean {
  return /[*?[\\]/.test(part);
}

/**
 * A matcher for one part of a path, by the rules of Go's filepath.Match: `*`, `?`, `[a-z]`, `[^a-z]`, backslash escapes; unlike a shell,
 * `*` also matches names that begin with a dot. Undefined for a pattern that is not well-formed.
 */
export function compilePattern(pattern: string): ((name: string) => boolean) | undefined {
  let source = '';
  let at = 0;
  while (at < pattern.length) {
    const character = pattern.charAt(at);
    if (character === '*') {
      source += '[\\s\\S]*';
      at++;
    } else if (character === '?') {
      source += '[\\s\\S]';
      at++;
    } else if (character === '[') {
      const set = readSet(pattern, at);
      if (set === undefined) return undefined;
      source += set.source;
      at = set.end;
    } else {
      const isEscape = character === '\\';
      const literal = isEscape ? pattern.charAt(at + 1) : character;
      if (literal === '') return undefined;
      source += quote(literal);
      at += isEscape ? 2 : 1;
    }
  }
  const expression = new RegExp(`^${source}$`, 'u');
  return (name) => expression.test(name);
}

function readSet(pattern: string, start: number): { readonly source: string; readonly end: number } | undefined {
  let at = start + 1;
  const negated = pattern.charAt(at) === '^';
  if (negated) at++;
  const ranges: string[] = [];
  const member = (): string | undefined => {
    const character = pattern.charAt(at);
    if (character === '' || character === '-' || (character === ']' && ranges.length > 0)) return undefined;
    if (character !== '\\') {
      at++;
      return character;
    }
    const escaped = pattern.charAt(at + 1);
    at += 2;
    return escaped === '' ? undefined : escaped;
  };
  while (pattern.charAt(at) !== ']' || ranges.length === 0) {
    if (pattern.charAt(at) === ']') return undefined;
    const low = member();
    if (low === undefined) return undefined;
    let high: string | undefined = low;
    if (pattern.charAt(at) === '-') {
      at++;
      high = member();
    }
    if (high === undefined) return undefined;
    // A range the wrong way round matches nothing, in Go.
    ranges.push(low <= high ? `${quote(low)}-${quote(high)}` : '');
  }
  const inside = ranges.join('');
  const source = inside === '' ? (negated ? '[\\s\\S]' : '[]') : `[${negated ? '^' : ''}${inside}]`;
  return { source, end: at + 1 };
}

function quote(literal: string): string {
  return /[\^$\\.*+?()[\]{}|/-]/.test(literal) ? `\\${literal}` : literal;
}
