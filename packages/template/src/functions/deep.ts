// Comparing and copying values through and through.
import { type Budget, dict, isDict, isInstance, isInt, isList, list, type Value } from '../value.ts';

/** reflect.DeepEqual: also the types must agree, so an int never equals an int64. */
export function deepEqual(left: Value, right: Value, budget: Budget): boolean {
  budget.work(1);
  if (isInt(left)) return isInt(right) && left.type === right.type && left.value === right.value;
  if (isList(left)) {
    if (!isList(right) || left.elem !== right.elem || left.items.length !== right.items.length || left.isNil !== right.isNil) return false;
    return left.items.every((item, index) => deepEqual(item, right.items[index], budget));
  }
  if (isDict(left)) {
    if (!isDict(right) || left.elem !== right.elem || left.entries.size !== right.entries.size) return false;
    return left.entries.entries().every(([key, value]) => right.entries.has(key) && deepEqual(value, right.entries.get(key), budget));
  }
  if (isInstance(left)) return isInstance(right) && left.type === right.type && left.text === right.text;
  return (left ?? null) === (right ?? null);
}

/** A copy that shares nothing that could be changed. */
export function deepCopy(value: Value, budget: Budget): Value {
  budget.work(8);
  if (isList(value))
    return {
      ...list(
        value.items.map((item) => deepCopy(item, budget)),
        value.elem,
      ),
      isNil: value.isNil,
    };
  if (!isDict(value)) return value;
  return dict(
    value.entries.entries().map(([key, item]) => [key, deepCopy(item, budget)] as const),
    value.elem,
  );
}
