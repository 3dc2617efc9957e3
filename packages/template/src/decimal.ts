// Decimal numbers of any size, for the functions that promise 0.1 + 0.2 = 0.3. Division keeps 16 digits after the point, as shopspring/decimal does.
import { FunctionError } from './error.ts';

export interface Decimal {
  readonly digits: bigint;
  /** The value is digits x 10^exponent. */
  readonly exponent: number;
}

const DIVISION_DIGITS = 16;

/** The shortest decimal that stands for this float64. */
export function decimalOf(value: number): Decimal {
  const [mantissa = '0', exponent = '0'] = value.toExponential().split('e');
  const [whole = '0', fraction = ''] = mantissa.split('.');
  return { digits: BigInt(whole + fraction), exponent: Number(exponent) - fraction.length };
}

function rescaled({ digits, exponent }: Decimal, wanted: number): bigint {
  return digits * 10n ** BigInt(exponent - wanted);
}

function combined(left: Decimal, right: Decimal, operation: (a: bigint, b: bigint) => bigint): Decimal {
  const exponent = Math.min(left.exponent, right.exponent);
  return { digits: operation(rescaled(left, exponent), rescaled(right, exponent)), exponent };
}

export function add(left: Decimal, right: Decimal): Decimal {
  return combined(left, right, (a, b) => a + b);
}

export function subtract(left: Decimal, right: Decimal): Decimal {
  return combined(left, right, (a, b) => a - b);
}

export function multiply(left: Decimal, right: Decimal): Decimal {
  return { digits: left.digits * right.digits, exponent: left.exponent + right.exponent };
}

/** Rounded to 16 digits after the point, halves away from zero. */
export function divide(left: Decimal, right: Decimal): Decimal {
  if (right.digits === 0n) throw new FunctionError('decimal division by 0');
  const shift = left.exponent - right.exponent + DIVISION_DIGITS;
  const numerator = shift >= 0 ? left.digits * 10n ** BigInt(shift) : left.digits;
  const denominator = shift >= 0 ? right.digits : right.digits * 10n ** BigInt(-shift);
  const quotient = numerator / denominator;
  const remainder = numerator % denominator;
  const twice = (remainder < 0n ? -remainder : remainder) * 2n;
  const up = twice >= (denominator < 0n ? -denominator : denominator);
  const away = numerator < 0n !== denominator < 0n ? -1n : 1n;
  return { digits: up ? quotient + away : quotient, exponent: -DIVISION_DIGITS };
}

/** The nearest float64. */
export function toNumber({ digits, exponent }: Decimal): number {
  return Number(`${digits}e${exponent}`);
}
