// Conversions that sprig's functions share: its strval and strslice, and the casts of spf13/cast.
import { printed } from '../format/print.ts';
import type { Context } from '../function.ts';
import { parseFloating, parseInteger } from '../number.ts';
import { isInstance, isInt, isList, type Value } from '../value.ts';

const MAX_INT64 = (1n << 63n) - 1n;
const MIN_INT64 = -(1n << 63n);

/** A value as text: strings as they are, objects by their own method, the rest as `%v`. */
export function toText(value: Value, { budget }: Context): string {
  if (typeof value === 'string') return value;
  return isInstance(value) ? value.text : printed(value, budget);
}

/** A value as a list of texts: nil elements are left out, what is no list is a list of one. */
export function toTexts(value: Value, context: Context): string[] {
  if (value === null || value === undefined) return [];
  if (!isList(value)) return [toText(value, context)];
  context.budget.work(value.items.length);
  return value.items.filter((item) => item !== null && item !== undefined).map((item) => toText(item, context));
}

/** A float as an int64; what does not fit gives the smallest one, as on amd64. */
function truncated(value: number): bigint {
  if (!(value >= -(2 ** 63) && value < 2 ** 63)) return MIN_INT64;
  return BigInt(Math.trunc(value));
}

/** cast.ToInt64: 0 for what is no number. */
export function toInt64(value: Value): bigint {
  if (isInt(value)) return BigInt.asIntN(64, value.value);
  if (typeof value === 'number') return truncated(value);
  if (typeof value === 'boolean') return value ? 1n : 0n;
  if (typeof value !== 'string') return 0n;
  const number = parseInteger(value.replace(/\.0+$/, ''));
  return number !== undefined && number <= MAX_INT64 && number >= MIN_INT64 ? number : 0n;
}

/** cast.ToFloat64: 0 for what is no number. */
export function toFloat64(value: Value): number {
  if (isInt(value)) return Number(value.value);
  if (typeof value === 'number') return value;
  if (typeof value === 'boolean') return value ? 1 : 0;
  return typeof value === 'string' ? (parseFloating(value) ?? 0) : 0;
}

/** sprig's empty: nil, zero, no elements, false. */
export function isEmpty(value: Value): boolean {
  if (value === null || value === undefined) return true;
  if (typeof value === 'object' && value.kind === 'instance') return false;
  if (typeof value === 'number') return value === 0;
  if (typeof value !== 'object') return value === '' || value === false;
  if (value.kind === 'int') return value.value === 0n;
  return value.kind === 'list' ? value.items.length === 0 : value.entries.size === 0;
}
