// The patterns of a shell's ${name#pattern}, as Dockerfiles know them: `*`, `?` and a backslash before what is meant literally.
function expression(pattern: string): string {
  let source = '';
  for (let at = 0; at < pattern.length; at++) {
    const character = pattern.charAt(at);
    if (character === '*') source += '[\\s\\S]*';
    else if (character === '?') source += '[\\s\\S]';
    else {
      if (character === '\\' && at + 1 < pattern.length) at++;
      source += pattern.charAt(at).replace(/[\^$\\.*+?()[\]{}|/]/, '\\$&');
    }
  }
  return source;
}

/** `${value#pattern}`, or with `longest` `${value##pattern}`. */
export function withoutPrefix(value: string, pattern: string, longest: boolean): string {
  const matches = new RegExp(`^${expression(pattern)}$`, 'u');
  const ends = [...cutsOf(value)];
  const end = (longest ? ends.reverse() : ends).find((at) => matches.test(value.slice(0, at)));
  return end === undefined ? value : value.slice(end);
}

/** `${value%pattern}`, or with `longest` `${value%%pattern}`. */
export function withoutSuffix(value: string, pattern: string, longest: boolean): string {
  const matches = new RegExp(`^${expression(pattern)}$`, 'u');
  const starts = [...cutsOf(value)];
  const start = (longest ? starts : starts.reverse()).find((at) => matches.test(value.slice(at)));
  return start === undefined ? value : value.slice(0, start);
}

/** `${value/pattern/by}`, or with `all` `${value//pattern/by}`. An empty pattern matches nothing. */
export function replaced(value: string, pattern: string, by: string, all: boolean): string {
  if (pattern === '') return value;
  return value.replace(new RegExp(expression(pattern), all ? 'gu' : 'u'), (found) => (found === '' && value !== '' ? '' : by));
}

// Where a text can be cut: never inside of a surrogate pair.
function* cutsOf(value: string): Generator<number> {
  let at = 0;
  yield at;
  for (const character of value) {
    at += character.length;
    yield at;
  }
}
