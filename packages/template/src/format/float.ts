// Go's strconv.FormatFloat: shortest digits, exact digits rounded half to even, and the layouts %e %f %g %x %b.

interface Decimal {
  readonly negative: boolean;
  /** Significant digits, without leading zeros except for zero itself. */
  readonly digits: string;
  /** Where the decimal point stands: value = 0.DIGITS x 10^point. */
  readonly point: number;
}

function parts(value: number): { mantissa: bigint; exponent: number } {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, Math.abs(value));
  const bits = view.getBigUint64(0);
  const biased = Number(bits >> 52n);
  const fraction = bits & ((1n << 52n) - 1n);
  return biased === 0 ? { mantissa: fraction, exponent: -1074 } : { mantissa: fraction | (1n << 52n), exponent: biased - 1075 };
}

// value x 10^scale, rounded half to even.
function scaled(value: number, scale: number): bigint {
  const { mantissa, exponent } = parts(value);
  let numerator = mantissa;
  let denominator = 1n;
  if (scale >= 0) numerator *= 10n ** BigInt(scale);
  else denominator *= 10n ** BigInt(-scale);
  if (exponent >= 0) numerator <<= BigInt(exponent);
  else denominator <<= BigInt(-exponent);
  const quotient = numerator / denominator;
  const twice = (numerator % denominator) * 2n;
  return twice > denominator || (twice === denominator && quotient % 2n === 1n) ? quotient + 1n : quotient;
}

function shortest(value: number): Decimal {
  const [mantissa = '0', exponent = '0'] = Math.abs(value).toExponential().split('e');
  const negative = value < 0 || Object.is(value, -0);
  if (value === 0) return { negative, digits: '', point: 0 };
  return { negative, digits: mantissa.replace('.', ''), point: Number(exponent) + 1 };
}

// Exactly `count` significant digits.
function significant(value: number, count: number): Decimal {
  const rough = shortest(value);
  if (value === 0) return { ...rough, digits: '0'.repeat(count), point: 1 };
  let { point } = rough;
  let digits = scaled(value, count - point).toString();
  if (digits.length > count) {
    point++;
    digits = scaled(value, count - point).toString();
  }
  return { negative: rough.negative, digits, point };
}

function exponential(decimal: Decimal, letter: string, precision: number): string {
  const digits = decimal.digits.padEnd(precision + 1, '0');
  const exponent = decimal.digits === '' || /^0+$/.test(decimal.digits) ? 0 : decimal.point - 1;
  const fraction = precision > 0 ? `.${digits.slice(1, precision + 1)}` : '';
  const sign = exponent < 0 ? '-' : '+';
  return `${decimal.negative ? '-' : ''}${digits.charAt(0) || '0'}${fraction}${letter}${sign}${String(Math.abs(exponent)).padStart(2, '0')}`;
}

function positional(decimal: Decimal, precision: number): string {
  const { digits, point } = decimal;
  const whole = point > 0 ? digits.slice(0, point).padEnd(point, '0') : '0';
  const fraction = ('0'.repeat(Math.max(0, -point)) + digits.slice(Math.max(0, point))).padEnd(precision, '0').slice(0, precision);
  return `${decimal.negative ? '-' : ''}${whole}${precision > 0 ? `.${fraction}` : ''}`;
}

function hexadecimal(value: number, upper: boolean, precision: number): string {
  let { mantissa, exponent } = parts(value);
  if (mantissa === 0n) exponent = 0;
  else {
    while (mantissa < 1n << 52n) {
      mantissa <<= 1n;
      exponent--;
    }
    exponent += 52;
  }
  if (precision >= 0 && precision < 13) {
    const shift = BigInt(52 - precision * 4);
    const rest = mantissa & ((1n << shift) - 1n);
    mantissa >>= shift;
    const half = 1n << (shift - 1n);
    if (rest > half || (rest === half && mantissa % 2n === 1n)) mantissa++;
    mantissa <<= shift;
    if (mantissa >= 1n << 53n) {
      mantissa >>= 1n;
      exponent++;
    }
  }
  const all = mantissa.toString(16).padStart(14, '0');
  const fraction = precision < 0 ? all.slice(1).replace(/0+$/, '') : all.slice(1).padEnd(precision, '0').slice(0, precision);
  const sign = value < 0 || Object.is(value, -0) ? '-' : '';
  const text = `${sign}0x${all.charAt(0)}${fraction === '' ? '' : `.${fraction}`}p${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
  return upper ? text.toUpperCase() : text;
}

/**
 * Formats as Go's strconv.FormatFloat(value, verb, precision, 64).
 *
 * @param verb one of `e E f F g G x X b`
 * @param precision digits; -1 for as few as are needed
 */
export function formatFloat(value: number, verb: string, precision: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  const kind = verb.toLowerCase();
  if (kind === 'x') return hexadecimal(value, verb === 'X', precision);
  if (kind === 'b') {
    const { mantissa, exponent } = parts(value);
    return `${value < 0 ? '-' : ''}${mantissa}p${exponent >= 0 ? '+' : ''}${exponent}`;
  }
  const letter = verb === 'E' || verb === 'G' ? 'E' : 'e';
  if (precision < 0) {
    const decimal = shortest(value);
    const { length } = decimal.digits;
    if (kind === 'e') return exponential(decimal, letter, Math.max(0, length - 1));
    if (kind === 'f') return positional(decimal, Math.max(0, length - decimal.point));
    const exponent = value === 0 ? 0 : decimal.point - 1;
    // strconv: the shortest form decides as if the precision were 6, so 1000000.0 prints as 1e+06.
    return exponent < -4 || exponent >= 6
      ? exponential(decimal, letter, Math.max(0, length - 1))
      : positional(decimal, Math.max(0, length - decimal.point));
  }
  if (kind === 'e') return exponential(significant(value, precision + 1), letter, precision);
  if (kind === 'f') {
    const whole = scaled(value, precision).toString();
    const negative = value < 0 || Object.is(value, -0);
    return positional({ negative, digits: whole, point: whole.length - precision }, precision);
  }
  return general(value, precision === 0 ? 1 : precision, letter);
}

function general(value: number, precision: number, letter: string): string {
  const exact = significant(value, precision);
  const digits = exact.digits.replace(/0+$/, '');
  const decimal = { ...exact, digits, point: value === 0 ? 0 : exact.point };
  const exponent = value === 0 ? 0 : exact.point - 1;
  const limit = precision > digits.length && digits.length >= decimal.point ? digits.length : precision;
  return exponent < -4 || exponent >= limit
    ? exponential(decimal, letter, Math.max(0, digits.length - 1))
    : positional(decimal, Math.max(0, digits.length - decimal.point));
}
