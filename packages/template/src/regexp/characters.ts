// Sets of characters: ranges and Unicode properties, folded and negated as a pattern says.

export interface Range {
  readonly from: number;
  readonly to: number;
}

/** One member of a set: a range of code points, or a test such as a Unicode property. */
export type Member = Range | { readonly test: RegExp; readonly negated: boolean };

export interface CharacterSet {
  readonly members: readonly Member[];
  readonly negated: boolean;
  /** Upper and lower case count as the same. */
  readonly folded: boolean;
}

const range = (from: string, to: string): Range => ({ from: from.charCodeAt(0), to: to.charCodeAt(0) });
const DIGIT = [range('0', '9')];
const LOWER = [range('a', 'z')];
const UPPER = [range('A', 'Z')];
const ALPHA = [...UPPER, ...LOWER];
const WORD = [...DIGIT, ...ALPHA, range('_', '_')];
const SPACE = [range('\t', '\n'), range('\f', '\r'), range(' ', ' ')];

/** \d, \s and \w, which know ASCII only. */
export const PERL_CLASSES: Readonly<Record<string, readonly Range[]>> = { d: DIGIT, s: SPACE, w: WORD };

/** [:name:] classes. */
export const POSIX_CLASSES: Readonly<Record<string, readonly Range[]>> = {
  alnum: [...DIGIT, ...ALPHA],
  alpha: ALPHA,
  ascii: [range('\0', '\x7f')],
  blank: [range('\t', '\t'), range(' ', ' ')],
  cntrl: [range('\0', '\x1f'), range('\x7f', '\x7f')],
  digit: DIGIT,
  graph: [range('!', '~')],
  lower: LOWER,
  print: [range(' ', '~')],
  punct: [range('!', '/'), range(':', '@'), range('[', '`'), range('{', '~')],
  space: [range('\t', '\r'), range(' ', ' ')],
  upper: UPPER,
  word: WORD,
  xdigit: [...DIGIT, range('A', 'F'), range('a', 'f')],
};

/** What is not in these ranges. */
export function complement(ranges: readonly Range[]): Range[] {
  const sorted = ranges.toSorted((left, right) => left.from - right.from);
  const out: Range[] = [];
  let next = 0;
  for (const { from, to } of sorted) {
    if (from > next) out.push({ from: next, to: from - 1 });
    next = Math.max(next, to + 1);
  }
  if (next <= 0x10ffff) out.push({ from: next, to: 0x10ffff });
  return out;
}

/** The test of \p{name}: a general category or a script; undefined where Unicode has none of that name. */
export function unicodeClass(name: string): RegExp | undefined {
  if (name === 'Any') return /\p{Any}/u;
  for (const property of [`General_Category=${name}`, `Script=${name}`]) {
    try {
      return new RegExp(`^\\p{${property}}$`, 'u');
    } catch {
      // not a property of this kind
    }
  }
  return undefined;
}

function variants(code: number): readonly number[] {
  const rune = String.fromCodePoint(code);
  const lower = rune.toLowerCase();
  const upper = rune.toUpperCase();
  const all = [rune, lower, upper, lower.toUpperCase(), upper.toLowerCase()];
  return all.filter((text) => Array.from(text).length === 1).map((text) => text.codePointAt(0) ?? code);
}

function isMember(members: readonly Member[], code: number): boolean {
  return members.some((member) =>
    'test' in member ? member.test.test(String.fromCodePoint(code)) !== member.negated : code >= member.from && code <= member.to,
  );
}

/** Whether a code point is in the set. */
export function matches(set: CharacterSet, code: number): boolean {
  const found = isMember(set.members, code) || (set.folded && variants(code).some((variant) => isMember(set.members, variant)));
  return found !== set.negated;
}
