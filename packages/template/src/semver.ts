// Versions and constraints as Masterminds/semver v3 understands them (not npm's rules): https://github.com/Masterminds/semver#checking-version-constraints
import { FunctionError } from './error.ts';

export interface Version {
  readonly major: bigint;
  readonly minor: bigint;
  readonly patch: bigint;
  readonly prerelease: string;
  readonly metadata: string;
  /** As it was written. */
  readonly original: string;
}

const VERSION =
  /^v?([0-9]+)(?:\.([0-9]+))?(?:\.([0-9]+))?(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?$/;
const MAX_UINT64 = (1n << 64n) - 1n;

function segment(text: string | undefined): bigint {
  const value = BigInt(text ?? '0');
  if (value <= MAX_UINT64) return value;
  throw new FunctionError(`Error parsing version segment: strconv.ParseUint: parsing "${text}": value out of range`);
}

/**
 * Parses a version; `v1`, `1.2` and leading zeros are accepted.
 *
 * @throws FunctionError with the library's words.
 */
export function parseVersion(text: string): Version {
  const match = VERSION.exec(text);
  if (match === null) throw new FunctionError('Invalid Semantic Version');
  const [, major, minor, patch, prerelease = '', metadata = ''] = match;
  const version = { major: segment(major), minor: segment(minor), patch: segment(patch), prerelease, metadata, original: text };
  if (prerelease.split('.').some((part) => /^0[0-9]+$/.test(part))) throw new FunctionError('Version segment starts with 0');
  return version;
}

/** The version in its normal form, without `v`. */
export function versionText({ major, minor, patch, prerelease, metadata }: Version): string {
  return `${major}.${minor}.${patch}${prerelease === '' ? '' : `-${prerelease}`}${metadata === '' ? '' : `+${metadata}`}`;
}

function compareParts(left: string, right: string): number {
  if (left === right) return 0;
  if (left === '' || right === '') return left === '' ? -1 : 1;
  const numeric = [/^[0-9]+$/.test(left), /^[0-9]+$/.test(right)];
  if (numeric[0] && numeric[1]) return BigInt(left) > BigInt(right) ? 1 : -1;
  if (numeric[0] !== numeric[1]) return numeric[0] ? -1 : 1;
  return left > right ? 1 : -1;
}

function comparePrerelease(left: string, right: string): number {
  if (left === right) return 0;
  if (left === '' || right === '') return left === '' ? 1 : -1;
  const lefts = left.split('.');
  const rights = right.split('.');
  for (let index = 0; index < Math.max(lefts.length, rights.length); index++) {
    const order = compareParts(lefts[index] ?? '', rights[index] ?? '');
    if (order !== 0) return order;
  }
  return 0;
}

/** -1, 0 or 1; metadata does not count. */
export function compareVersions(left: Version, right: Version): number {
  for (const part of ['major', 'minor', 'patch'] as const) {
    if (left[part] !== right[part]) return left[part] < right[part] ? -1 : 1;
  }
  return comparePrerelease(left.prerelease, right.prerelease);
}

const PART = '[0-9|xX*]+';
const CONSTRAINT_VERSION = `v?(?:${PART})(?:\\.${PART})?(?:\\.${PART})?(?:-[0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*)?(?:\\+[0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*)?`;
// Longest first: JavaScript takes the first alternative where RE2 goes on to one that lets the whole match.
const OPERATORS = '!=|>=|=>|<=|=<|~>|=|>|<|~|\\^|';
const RANGE = new RegExp(`\\s*(${CONSTRAINT_VERSION})\\s+-\\s+(${CONSTRAINT_VERSION})\\s*`, 'g');
const ONE = `(?:${OPERATORS})\\s*(?:${CONSTRAINT_VERSION})`;
const FIND = new RegExp(ONE, 'g');
const PIECES = new RegExp(
  `^\\s*(${OPERATORS})\\s*(v?(${PART})(?:\\.(${PART}))?(?:\\.(${PART}))?((?:-[0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*)?)(?:\\+[0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*)?)\\s*$`,
);

interface Constraint {
  readonly operator: string;
  readonly version: Version;
  /** A part was left out or given as x: which is the first. */
  readonly open: 'none' | 'major' | 'minor' | 'patch';
}

function isOpen(part: string | undefined): boolean {
  return part === undefined || /^[xX*]$/.test(part);
}

function parseOne(text: string): Constraint {
  const match = PIECES.exec(text);
  if (match === null) throw new FunctionError(`improper constraint: ${text}`);
  const [, operator = '', whole = '', major = '', minor, patch, prerelease = ''] = match;
  const constraint = (version: string, open: Constraint['open']): Constraint => {
    try {
      return { operator, version: parseVersion(version), open };
    } catch {
      throw new FunctionError('constraint Parser Error');
    }
  };
  if (isOpen(major)) return constraint(`0.0.0${prerelease}`, 'major');
  if (isOpen(minor)) return constraint(`${major}.0.0${prerelease}`, 'minor');
  if (isOpen(patch)) return constraint(`${major}.${minor}.0${prerelease}`, 'patch');
  return constraint(whole, 'none');
}

// A segment is one constraint and then more, each after a space or a comma; walked by hand because a regular expression would backtrack.
function isValidSegment(text: string): boolean {
  const first = new RegExp(`\\s*${ONE}\\s*`, 'y');
  const following = new RegExp(`(?:,\\s*)?${ONE}\\s*`, 'y');
  if (!first.test(text)) return false;
  let at = first.lastIndex;
  while (at < text.length) {
    following.lastIndex = at;
    const separated = text.charAt(at) === ',' || /\s/.test(text.charAt(at - 1));
    if (!separated || !following.test(text)) return false;
    at = following.lastIndex;
  }
  return true;
}

// The expressions above take time with the square of the length.
const MAX_LENGTH = 1000;

/** Alternatives (`||`) of constraints that must all hold. */
export type Constraints = readonly (readonly Constraint[])[];

/**
 * Parses constraints such as `^1.27.0`, `>=1.2 <2`, `~1.2 || 3.x`, `1.2 - 1.4`.
 *
 * @throws FunctionError with the library's words.
 */
export function parseConstraints(text: string): Constraints {
  if (text.length > MAX_LENGTH) throw new FunctionError('improper constraint: too long');
  const rewritten = text.replace(RANGE, (_, from: string, to: string) => `>= ${from}, <= ${to}`);
  return rewritten.split('||').map((part) => {
    if (!isValidSegment(part)) throw new FunctionError(`improper constraint: ${part}`);
    return (part.match(FIND) ?? [part]).map(parseOne);
  });
}

function isTilde(version: Version, { version: wanted, open }: Constraint): boolean {
  if (compareVersions(version, wanted) < 0) return false;
  const zero = wanted.major === 0n && wanted.minor === 0n && wanted.patch === 0n;
  if (zero && open !== 'minor' && open !== 'patch') return true;
  return version.major === wanted.major && (open === 'minor' || version.minor === wanted.minor);
}

function isCaret(version: Version, { version: wanted, open }: Constraint): boolean {
  if (compareVersions(version, wanted) < 0) return false;
  if (wanted.major > 0n || open === 'minor') return version.major === wanted.major;
  if (version.major > 0n) return false;
  if (wanted.minor > 0n || open === 'patch') return version.minor === wanted.minor;
  return version.minor === 0n && version.patch === wanted.patch;
}

function isGreater(version: Version, { version: wanted, open }: Constraint): boolean {
  if (open === 'none') return compareVersions(version, wanted) > 0;
  if (version.major !== wanted.major) return version.major > wanted.major;
  if (open === 'minor') return false;
  return open === 'patch' ? version.minor > wanted.minor : compareVersions(version, wanted) > 0;
}

function isAtMost(version: Version, { version: wanted, open }: Constraint): boolean {
  if (open === 'none') return compareVersions(version, wanted) <= 0;
  if (version.major !== wanted.major) return version.major < wanted.major;
  return open === 'minor' || version.minor <= wanted.minor;
}

function isDifferent(version: Version, { version: wanted, open }: Constraint): boolean {
  if (open === 'none') return compareVersions(version, wanted) !== 0;
  if (version.major !== wanted.major) return true;
  if (open === 'minor') return false;
  if (version.minor !== wanted.minor) return true;
  if (open === 'patch') return version.prerelease !== wanted.prerelease;
  return version.patch !== wanted.patch || compareVersions(version, wanted) !== 0;
}

function holds(version: Version, constraint: Constraint): boolean {
  const { operator, version: wanted, open } = constraint;
  // A prerelease satisfies only a constraint that names one; plain != is the exception.
  const strict = operator !== '!=' || open !== 'none';
  if (strict && version.prerelease !== '' && wanted.prerelease === '') return false;
  switch (operator) {
    case '!=':
      return isDifferent(version, constraint);
    case '>':
      return isGreater(version, constraint);
    case '<':
      return compareVersions(version, wanted) < 0;
    case '>=':
    case '=>':
      return compareVersions(version, wanted) >= 0;
    case '<=':
    case '=<':
      return isAtMost(version, constraint);
    case '~':
    case '~>':
      return isTilde(version, constraint);
    case '^':
      return isCaret(version, constraint);
    default:
      return open === 'none' ? compareVersions(version, wanted) === 0 : isTilde(version, constraint);
  }
}

/** Whether the version satisfies one of the alternatives. */
export function satisfies(version: Version, constraints: Constraints): boolean {
  return constraints.some((alternative) => alternative.every((constraint) => holds(version, constraint)));
}
