// Printing of integers, floats, strings and booleans with a verb; undefined where the verb does not fit the type.
import { isPrintable, quote } from '../quote.ts';
import { runes, toBytes } from '../utf8.ts';
import { type Flags, pad } from './flags.ts';
import { formatFloat } from './float.ts';

const BASES: Readonly<Record<string, number>> = { d: 10, v: 10, b: 2, o: 8, O: 8, x: 16, X: 16 };

function formatDigits(value: bigint, base: number, verb: string, flags: Flags): string {
  const negative = value < 0n;
  let digits = (negative ? -value : value).toString(base);
  if (verb === 'X') digits = digits.toUpperCase();
  const signed = negative || flags.plus || flags.space;
  if (flags.precision !== undefined) {
    if (flags.precision === 0 && value === 0n) return pad('', flags, false);
    digits = digits.padStart(flags.precision, '0');
  } else if (flags.zero && flags.width !== undefined) {
    digits = digits.padStart(flags.width - (signed ? 1 : 0), '0');
  }
  if (flags.sharp && base === 2) digits = `0b${digits}`;
  else if (flags.sharp && base === 8 && !digits.startsWith('0')) digits = `0${digits}`;
  else if (flags.sharp && base === 16) digits = `0${verb === 'X' ? 'X' : 'x'}${digits}`;
  if (verb === 'O') digits = `0o${digits}`;
  const sign = negative ? '-' : flags.plus ? '+' : flags.space ? ' ' : '';
  return pad(sign + digits, flags, false);
}

function character(value: bigint): string {
  const valid = value >= 0n && value <= 0x10ffffn && (value < 0xd800n || value > 0xdfffn);
  return valid ? String.fromCodePoint(Number(value)) : '\ufffd';
}

/** An integer; `signed` matters for `%#v` only. */
export function formatInteger(value: bigint, verb: string, flags: Flags, signed = true): string | undefined {
  if (verb === 'v' && flags.sharpV && !signed) return formatDigits(value, 16, 'x', { ...flags, sharp: true });
  const base = BASES[verb];
  if (base !== undefined) return formatDigits(value, base, verb, flags);
  if (verb === 'c') return pad(character(value), flags);
  if (verb === 'q') return pad(quote(character(value), { delimiter: "'", ascii: flags.plus }), flags);
  if (verb !== 'U') return undefined;
  const code = BigInt.asUintN(64, value).toString(16).toUpperCase();
  const name = `U+${code.padStart(Math.max(4, flags.precision ?? 0), '0')}`;
  const shown = flags.sharp && value >= 0n && value <= 0x10ffffn && isPrintable(character(value));
  return pad(shown ? `${name} '${character(value)}'` : name, flags, false);
}

// The # flag: keep the decimal point and, for %g and %x, the trailing zeros.
function withPoint(text: string, verb: string, precision: number | undefined): string {
  const pattern = verb === 'x' || verb === 'X' ? /^([+\- ]?)([^pP]*)(.*)$/ : /^([+\- ]?)([^eE]*)(.*)$/;
  const [, sign = '', body = '', tail = ''] = pattern.exec(text) ?? [];
  const wanted = 'gGvx'.includes(verb) ? (precision ?? 6) : 0;
  // Go counts the x of 0x1p+01 as a digit.
  const present = body.replace('.', '').replace(/^0+/, '').length;
  const point = body.includes('.') ? '' : '.';
  return `${sign}${body}${point}${'0'.repeat(Math.max(0, wanted - Math.max(1, present)))}${tail}`;
}

/** A float64. */
export function formatNumber(value: number, verb: string, flags: Flags): string | undefined {
  if (!'vbgGxXfFeE'.includes(verb)) return undefined;
  const fallback = 'feFE'.includes(verb) ? 6 : -1;
  const layout = verb === 'v' ? 'g' : verb === 'F' ? 'f' : verb;
  let text = formatFloat(value, layout, flags.precision ?? fallback);
  if (!/^[+-]/.test(text)) text = `+${text}`;
  if (flags.space && text.startsWith('+') && !flags.plus) text = ` ${text.slice(1)}`;
  if (!Number.isFinite(value)) {
    if (Number.isNaN(value) && !flags.space && !flags.plus) text = text.slice(1);
    return pad(text, flags, false);
  }
  if (flags.sharp && verb !== 'b') text = withPoint(text, verb, flags.precision);
  if (!flags.plus && text.startsWith('+')) return pad(text.slice(1), flags);
  if (!flags.zero || flags.width === undefined || flags.width <= text.length) return pad(text, flags);
  return text.charAt(0) + '0'.repeat(flags.width - text.length) + text.slice(1);
}

function formatHex(text: string, verb: string, flags: Flags): string {
  let bytes = toBytes(text);
  if (flags.precision !== undefined) bytes = bytes.subarray(0, flags.precision);
  const prefix = flags.sharp && bytes.length > 0 ? '0x' : '';
  const pairs = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0'));
  const hex = flags.space ? pairs.map((pair) => prefix + pair).join(' ') : prefix + pairs.join('');
  return pad(verb === 'X' ? hex.toUpperCase() : hex, flags);
}

/** A string. */
export function formatString(text: string, verb: string, flags: Flags): string | undefined {
  if (verb === 'x' || verb === 'X') return formatHex(text, verb, flags);
  const cut = flags.precision !== undefined && text.length > flags.precision ? runes(text).slice(0, flags.precision).join('') : text;
  if (verb === 's' || (verb === 'v' && !flags.sharpV)) return pad(cut, flags);
  if (verb !== 'q' && verb !== 'v') return undefined;
  const canBackquote = !/[\x00-\x08\x0a-\x1f`\x7f\ufeff]/.test(cut) && cut.isWellFormed();
  if (flags.sharp && canBackquote) return pad(`\`${cut}\``, flags);
  return pad(quote(cut, { ascii: flags.plus }), flags);
}

/** A boolean. */
export function formatBoolean(value: boolean, verb: string, flags: Flags): string | undefined {
  return verb === 't' || verb === 'v' ? pad(String(value), flags) : undefined;
}
