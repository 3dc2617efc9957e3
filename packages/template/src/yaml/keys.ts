// The order in which go-yaml v2 writes keys: letters after everything else, numbers inside by their value.

function isLetter(rune: string): boolean {
  return /\p{L}/u.test(rune);
}

function isDigit(rune: string | undefined): boolean {
  return rune !== undefined && /\p{Nd}/u.test(rune);
}

function readNumber(runes: readonly string[], from: number, start: bigint): { value: bigint; end: number } {
  let value = start;
  let end = from;
  for (; isDigit(runes[end]); end++) value = BigInt.asIntN(64, value * 10n + BigInt((runes[end]?.codePointAt(0) ?? 48) - 48));
  return { value, end };
}

// A zero counts if a digit other than zero stands before it in the same number.
function startsInside(runes: readonly string[], at: number): boolean {
  for (let index = at - 1; index >= 0 && isDigit(runes[index]); index--) if (runes[index] !== '0') return true;
  return false;
}

/** Negative, 0 or positive, for sorting. */
export function compareKeys(left: string, right: string): number {
  const a = Array.from(left);
  const b = Array.from(right);
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at++) {
    const [x = '', y = ''] = [a[at], b[at]];
    if (x === y) continue;
    const byCode = (x.codePointAt(0) ?? 0) - (y.codePointAt(0) ?? 0);
    const letters = [isLetter(x), isLetter(y)];
    if (letters[0] && letters[1]) return byCode;
    if (letters[0] || letters[1]) return letters[1] ? -1 : 1;
    const start = (x === '0' || y === '0') && startsInside(a, at) ? 1n : 0n;
    const first = readNumber(a, at, start);
    const second = readNumber(b, at, start);
    if (first.value !== second.value) return first.value < second.value ? -1 : 1;
    return first.end === second.end ? byCode : first.end - second.end;
  }
  return a.length - b.length;
}
