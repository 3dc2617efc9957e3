// Number literals: the same text can be an int, a uint and a float, as Go's ideal constants can.
import { quote, unquoteCharacter } from './quote.ts';

export interface NumberLiteral {
  readonly int: bigint | undefined;
  readonly uint: bigint | undefined;
  readonly float: number | undefined;
}

const MAX_INT = (1n << 63n) - 1n;
const MIN_INT = -(1n << 63n);
const MAX_UINT = (1n << 64n) - 1n;

// Underscores may stand between digits and after a base prefix.
function withoutUnderscores(text: string): string | undefined {
  if (!text.includes('_')) return text;
  const body = text.replace(/^[+-]/, '').replace(/^0[xXoObB]/, '0');
  return /__|^_|_$|_[^0-9a-fA-F]|[^0-9a-fA-F]_/.test(body) ? undefined : text.replaceAll('_', '');
}

/** Go's strconv.ParseInt(text, 0, …) without the limit of size; undefined where the text is no integer. */
export function parseInteger(text: string): bigint | undefined {
  const plain = withoutUnderscores(text);
  const match = plain === undefined ? null : /^([+-]?)(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9][0-9]*)$/.exec(plain);
  if (match === null) return undefined;
  const digits = (match[2] ?? '').replace(/^0(?=[0-7])/, '0o');
  const magnitude = BigInt(digits);
  return match[1] === '-' ? -magnitude : magnitude;
}

function parseHexFloat(text: string): number | undefined {
  const match = /^([+-]?)0[xX]([0-9a-fA-F]*)\.?([0-9a-fA-F]*)[pP]([+-]?[0-9]+)$/.exec(text);
  if (match === null) return undefined;
  const [, sign = '', whole = '', fraction = '', exponent = ''] = match;
  if (whole === '' && fraction === '') return undefined;
  const mantissa = Number(BigInt(`0x${whole}${fraction}`));
  const value = mantissa * 2 ** (Number(exponent) - 4 * fraction.length);
  return sign === '-' ? -value : value;
}

/** Go's strconv.ParseFloat; undefined where the text is no number or too large. */
export function parseFloating(text: string): number | undefined {
  const plain = withoutUnderscores(text);
  if (plain === undefined) return undefined;
  const hex = parseHexFloat(plain);
  if (hex !== undefined) return hex;
  if (/^[+-]?(inf|infinity)$/i.test(plain)) return plain.startsWith('-') ? -Infinity : Infinity;
  if (/^nan$/i.test(plain)) return Number.NaN;
  if (!/^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$/.test(plain)) return undefined;
  const value = Number(plain);
  return Number.isFinite(value) ? value : undefined;
}

/** A number token as every kind of number that it can be; a string says what is wrong with it. */
export function parseNumber(text: string, kind: 'number' | 'charConstant'): NumberLiteral | string {
  if (kind === 'charConstant') {
    const code = unquoteCharacter(text);
    return typeof code === 'string' ? code : { int: BigInt(code), uint: BigInt(code), float: code };
  }
  if (text.endsWith('i')) return `complex constants are not supported: ${text}`;
  const integer = parseInteger(text);
  if (integer !== undefined) {
    const int = integer <= MAX_INT && integer >= MIN_INT ? integer : undefined;
    const uint = !/^[+-]/.test(text) || integer === 0n ? (integer <= MAX_UINT ? integer : undefined) : undefined;
    if (int === undefined && uint === undefined) return `integer overflow: ${quote(text)}`;
    return { int, uint, float: Number(integer) };
  }
  const float = parseFloating(text);
  if (float === undefined) return `illegal number syntax: ${quote(text)}`;
  if (!/[.eEpP]/.test(text)) return `integer overflow: ${quote(text)}`;
  const whole = Number.isInteger(float) ? BigInt(float) : undefined;
  return {
    float,
    int: whole !== undefined && whole <= MAX_INT && whole >= MIN_INT ? whole : undefined,
    uint: whole !== undefined && whole >= 0n && whole <= MAX_UINT ? whole : undefined,
  };
}

/** Whether a literal that could be both is meant as a float: it has a point or an exponent and is neither hexadecimal nor a character. */
export function isFloatText(text: string): boolean {
  if (text.startsWith("'")) return false;
  if (/^0[xX]/.test(text) && !/[pP]/.test(text)) return false;
  return /[.eEpP]/.test(text);
}
