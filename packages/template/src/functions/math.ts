// sprig: integer and decimal arithmetic, sequences.

import { add, type Decimal, decimalOf, divide, multiply, subtract, toNumber } from '../decimal.ts';
import { FunctionError } from '../error.ts';
import { type Context, type FunctionMap, fn } from '../function.ts';
import { int, int64, list, type Value } from '../value.ts';
import { toFloat64, toInt64 } from './convert.ts';

function divisor(value: Value): bigint {
  const number = toInt64(value);
  if (number === 0n) throw new FunctionError('runtime error: integer divide by zero');
  return number;
}

function decimal(value: Value): Decimal {
  const number = toFloat64(value);
  if (!Number.isFinite(number))
    throw new FunctionError(`Cannot create a Decimal from ${Number.isNaN(number) ? 'NaN' : number > 0 ? '+Inf' : '-Inf'}`);
  return decimalOf(number);
}

function folded(first: Value, rest: readonly Value[], operation: (left: Decimal, right: Decimal) => Decimal, { budget }: Context): number {
  return toNumber(
    rest.reduce<Decimal>((sum, value) => {
      budget.work(50);
      return operation(sum, decimal(value));
    }, decimal(first)),
  );
}

function sequence(start: number, stop: number, step: number, { budget }: Context): number[] {
  const count = stop < start ? (step >= 0 ? 0 : (start - stop) / -step) : step <= 0 ? 0 : (stop - start) / step;
  budget.work(count);
  return Array.from({ length: Math.ceil(count) }, (_, index) => start + index * step);
}

function numbers(start: number, stop: number, step: number, context: Context): Value {
  return list(
    sequence(start, stop, step, context).map((number) => int(number)),
    'int',
  );
}

// seq as the shell has it: bounds included.
function seq(bounds: readonly number[], context: Context): string {
  const [first = 0, second = 0, third = 0] = bounds;
  const [start, stop] = bounds.length === 1 ? [1, first] : [first, bounds.length === 2 ? second : third];
  const increment = stop < start ? -1 : 1;
  if (bounds.length === 0 || bounds.length > 3) return '';
  if (bounds.length === 3 && stop < start && second > 0) return '';
  return sequence(start, stop + increment, bounds.length === 3 ? second : increment, context).join(' ');
}

function round(value: number, places: number, roundOn: number): number {
  const power = 10 ** places;
  const digit = power * value;
  const rounded = digit - Math.trunc(digit) >= roundOn ? Math.ceil(digit) : Math.floor(digit);
  return rounded / power;
}

function extreme(first: Value, rest: readonly Value[], better: (left: bigint, right: bigint) => boolean): Value {
  return int64(rest.map(toInt64).reduce((best, value) => (better(value, best) ? value : best), toInt64(first)));
}

const largest = fn(['any', '...any'], (first, rest) => extreme(first, rest, (left, right) => left > right));

export const mathFunctions: FunctionMap = {
  atoi: fn(['string'], (text) => int(/^[+-]?[0-9]+$/.test(text) ? toInt64(text.replace(/^([+-]?)0+(?=[0-9])/, '$1')) : 0n)),
  int: fn(['any'], (value) => int(toInt64(value))),
  int64: fn(['any'], (value) => int64(toInt64(value))),
  float64: fn(['any'], toFloat64),
  add1: fn(['any'], (value) => int64(toInt64(value) + 1n)),
  add: fn(['...any'], (values) => int64(values.reduce<bigint>((sum, value) => sum + toInt64(value), 0n))),
  sub: fn(['any', 'any'], (left, right) => int64(toInt64(left) - toInt64(right))),
  div: fn(['any', 'any'], (left, right) => int64(toInt64(left) / divisor(right))),
  mod: fn(['any', 'any'], (left, right) => int64(toInt64(left) % divisor(right))),
  mul: fn(['any', '...any'], (first, rest) =>
    int64(rest.reduce<bigint>((product, value) => BigInt.asIntN(64, product * toInt64(value)), toInt64(first))),
  ),
  max: largest,
  biggest: largest,
  min: fn(['any', '...any'], (first, rest) => extreme(first, rest, (left, right) => left < right)),
  maxf: fn(['any', '...any'], (first, rest) => Math.max(toFloat64(first), ...rest.map(toFloat64))),
  minf: fn(['any', '...any'], (first, rest) => Math.min(toFloat64(first), ...rest.map(toFloat64))),
  add1f: fn(['any'], (value, context) => folded(value, [1], add, context)),
  addf: fn(['...any'], (values, context) => folded(0, values, add, context)),
  subf: fn(['any', '...any'], (first, rest, context) => folded(first, rest, subtract, context)),
  mulf: fn(['any', '...any'], (first, rest, context) => folded(first, rest, multiply, context)),
  divf: fn(['any', '...any'], (first, rest, context) => folded(first, rest, divide, context)),
  ceil: fn(['any'], (value) => Math.ceil(toFloat64(value))),
  floor: fn(['any'], (value) => Math.floor(toFloat64(value))),
  round: fn(['any', 'int', '...float64'], (value, places, [roundOn = 0.5]) => round(toFloat64(value), places, roundOn)),
  until: fn(['int'], (stop, context) => numbers(0, stop, stop < 0 ? -1 : 1, context)),
  untilStep: fn(['int', 'int', 'int'], (start, stop, step, context) => numbers(start, stop, step, context)),
  seq: fn(['...int'], seq),
};
