// eq, ne, lt, le, gt, ge: Go compares only values of the same basic kind.
import { FunctionError } from '../error.ts';
import { noFlags } from '../format/flags.ts';
import { formatValue, printed } from '../format/print.ts';
import { type Context, type FunctionMap, fn } from '../function.ts';
import { compareStrings } from '../utf8.ts';
import { isDict, isInstance, isInt, isList, typeName, type Value } from '../value.ts';

type BasicKind = 'bool' | 'int' | 'float' | 'string' | 'other';

function basicKind(value: Value): BasicKind {
  if (isInt(value)) return 'int';
  if (typeof value === 'string') return 'string';
  if (typeof value === 'number') return 'float';
  return typeof value === 'boolean' ? 'bool' : 'other';
}

function isNil(value: Value): boolean {
  return value === undefined || value === null || (isList(value) && value.isNil);
}

// Both of the same basic kind; ints of different signs compare by value.
function order(left: Value, right: Value): number {
  if (isInt(left) && isInt(right)) return left.value < right.value ? -1 : left.value > right.value ? 1 : 0;
  if (typeof left === 'string' && typeof right === 'string') return compareStrings(left, right);
  if (typeof left === 'number' && typeof right === 'number') return left < right ? -1 : left > right ? 1 : left === right ? 0 : Number.NaN;
  return left === right ? 0 : 1;
}

function equal(left: Value, right: Value, { budget }: Context): boolean {
  const kind = basicKind(left);
  if (kind !== basicKind(right)) {
    if (left !== undefined && left !== null && right !== undefined && right !== null)
      throw new FunctionError('incompatible types for comparison');
    return false;
  }
  if (kind !== 'other') return order(left, right) === 0;
  if (isNil(left) || isNil(right)) return isNil(left) === isNil(right);
  const sameShape = (isList(left) && isList(right)) || (isDict(left) && isDict(right)) || (isInstance(left) && isInstance(right));
  if (!sameShape) {
    const shown = formatValue(left, 's', noFlags(), budget);
    throw new FunctionError(`non-comparable types ${shown}: ${typeName(left)}, ${typeName(right)}: ${printed(right, budget)}`);
  }
  if (!isInstance(right)) throw new FunctionError(`non-comparable type ${formatValue(right, 's', noFlags(), budget)}: ${typeName(right)}`);
  return isInstance(left) && left.text === right.text;
}

function less(left: Value, right: Value): boolean {
  const kinds = [basicKind(left), basicKind(right)];
  if (kinds.includes('other')) throw new FunctionError('invalid type for comparison');
  if (kinds[0] !== kinds[1]) throw new FunctionError('incompatible types for comparison');
  if (kinds[0] === 'bool') throw new FunctionError('invalid type for comparison');
  return order(left, right) < 0;
}

function lessOrEqual(left: Value, right: Value, context: Context): boolean {
  return less(left, right) || equal(left, right, context);
}

export const compareFunctions: FunctionMap = {
  eq: fn(['value', '...value'], (left, rights, context) => {
    if (rights.length === 0) throw new FunctionError('missing argument for comparison');
    return rights.some((right) => equal(left, right, context));
  }),
  ne: fn(['value', 'value'], (left, right, context) => !equal(left, right, context)),
  lt: fn(['value', 'value'], (left, right) => less(left, right)),
  le: fn(['value', 'value'], (left, right, context) => lessOrEqual(left, right, context)),
  gt: fn(['value', 'value'], (left, right, context) => !lessOrEqual(left, right, context)),
  ge: fn(['value', 'value'], (left, right) => !less(left, right)),
};
