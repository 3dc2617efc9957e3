// sprig: dictionaries.
import { FunctionError } from '../error.ts';
import { type Context, type FunctionMap, fn } from '../function.ts';
import { type Budget, type Dict, dict, isDict, list, sortedKeys, typeName, type Value } from '../value.ts';
import { isEmpty, toText } from './convert.ts';
import { deepCopy } from './deep.ts';

function make(values: readonly Value[], context: Context): Value {
  const made = dict();
  for (let index = 0; index < values.length; index += 2) {
    made.entries.set(toText(values[index] ?? null, context), index + 1 < values.length ? values[index + 1] : '');
  }
  return made;
}

// imdario/mergo: fills what the destination lacks (or, overwriting, replaces it with what is not empty) and goes into maps on both sides.
function mergeInto(target: Dict, source: Dict, overwrite: boolean, budget: Budget): void {
  for (const [key, value] of source.entries) {
    budget.work(1);
    const present = target.entries.get(key);
    if (isDict(value) && isDict(present) && present.entries.size > 0) {
      if (present !== value) mergeInto(present, value, overwrite, budget);
      continue;
    }
    // mergo never replaces something by a map, and fills nothing with nil.
    const replaces = isEmpty(present) || (overwrite && !isDict(value));
    if (replaces && (overwrite || value !== null)) target.entries.set(key, value);
  }
}

function merger(overwrite: boolean) {
  return fn(['dict', '...dict'], (target, sources, { budget }) => {
    for (const source of sources) mergeInto(target, source, overwrite, budget);
    return target;
  });
}

function dig(values: readonly Value[]): Value {
  if (values.length < 3) throw new FunctionError('dig needs at least three arguments');
  const keys = values.slice(0, -2);
  let value: Value = values.at(-1);
  for (const key of keys) {
    if (!isDict(value) || value.elem !== 'interface {}') {
      const found = value === null || value === undefined ? 'nil' : typeName(value);
      throw new FunctionError(`interface conversion: interface {} is ${found}, not map[string]interface {}`);
    }
    if (typeof key !== 'string') {
      throw new FunctionError(
        `interface conversion: interface {} is ${key === null || key === undefined ? 'nil' : typeName(key)}, not string`,
      );
    }
    if (!value.entries.has(key)) return values.at(-2);
    value = value.entries.get(key);
  }
  return value;
}

const copy = fn(['any'], (value, { budget }) => {
  if (value === null) throw new FunctionError('reflect: call of reflect.Value.Type on zero Value');
  return deepCopy(value, budget);
});

function withKeys(source: Dict, keep: (key: string) => boolean): Dict {
  return dict([...source.entries].filter(([key]) => keep(key)));
}

export const dictFunctions: FunctionMap = {
  dict: fn(['...any'], make),
  get: fn(['dict', 'string'], (source, key) => (source.entries.has(key) ? source.entries.get(key) : '')),
  set: fn(['dict', 'string', 'any'], (target, key, value) => {
    if (target.isNil) throw new FunctionError('assignment to entry in nil map');
    target.entries.set(key, value);
    return target;
  }),
  unset: fn(['dict', 'string'], (target, key) => {
    target.entries.delete(key);
    return target;
  }),
  hasKey: fn(['dict', 'string'], (source, key) => source.entries.has(key)),
  pluck: fn(['string', '...dict'], (key, sources) =>
    list(sources.filter((source) => source.entries.has(key)).map((source) => source.entries.get(key))),
  ),
  /** Sorted here; in Go the order is random. */
  keys: fn(['...dict'], (sources) => list(sources.flatMap(sortedKeys), 'string')),
  /** In the order of the keys; in Go the order is random. */
  values: fn(['dict'], (source) => list(sortedKeys(source).map((key) => source.entries.get(key)))),
  pick: fn(['dict', '...string'], (source, keys) => withKeys(source, (key) => keys.includes(key))),
  omit: fn(['dict', '...string'], (source, keys) => withKeys(source, (key) => !keys.includes(key))),
  merge: merger(false),
  mustMerge: merger(false),
  mergeOverwrite: merger(true),
  mustMergeOverwrite: merger(true),
  deepCopy: copy,
  mustDeepCopy: copy,
  dig: fn(['...any'], dig),
};
