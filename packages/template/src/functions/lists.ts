// sprig: lists.
import { FunctionError } from '../error.ts';
import { type Context, type FunctionMap, fn } from '../function.ts';
import { compareStrings } from '../utf8.ts';
import { isList, kindName, type List, list, nilList, type Value } from '../value.ts';
import { isEmpty, toInt64, toText, toTexts } from './convert.ts';
import { deepEqual } from './deep.ts';

// What a list function does with something else, in sprig's words.
function items(value: Value, complaint: string, { budget }: Context): List {
  if (isList(value)) {
    budget.work(value.items.length);
    return value;
  }
  if (value === null || value === undefined) throw new FunctionError('runtime error: invalid memory address or nil pointer dereference');
  throw new FunctionError(`${complaint} ${kindName(value)}`);
}

function includes(haystack: readonly Value[], needle: Value, { budget }: Context): boolean {
  return haystack.some((item) => deepEqual(needle, item, budget));
}

const find = (name: string) => `Cannot find ${name} on type`;

const append = fn(['any', 'any'], (value, item, context) => list([...items(value, 'Cannot push on type', context).items, item]));
const prepend = fn(['any', 'any'], (value, item, context) => list([item, ...items(value, 'Cannot prepend on type', context).items]));
const first = fn(['any'], (value, context) => items(value, find('first'), context).items[0]);
const last = fn(['any'], (value, context) => items(value, find('last'), context).items.at(-1));

const rest = fn(['any'], (value, context) => {
  const all = items(value, find('rest'), context).items;
  return all.length === 0 ? nilList() : list(all.slice(1));
});

const initial = fn(['any'], (value, context) => {
  const all = items(value, find('initial'), context).items;
  return all.length === 0 ? nilList() : list(all.slice(0, -1));
});

const reverse = fn(['any'], (value, context) => list(items(value, find('reverse'), context).items.toReversed()));
const compact = fn(['any'], (value, context) =>
  list(items(value, 'Cannot compact on type', context).items.filter((item) => !isEmpty(item))),
);

const uniq = fn(['any'], (value, context) => {
  const unique: Value[] = [];
  for (const item of items(value, find('uniq'), context).items) if (!includes(unique, item, context)) unique.push(item);
  return list(unique);
});

const without = fn(['any', '...any'], (value, omitted, context) =>
  list(items(value, find('without'), context).items.filter((item) => !includes(omitted, item, context))),
);

const has = fn(
  ['any', 'any'],
  (needle, value, context) => value !== null && includes(items(value, find('has'), context).items, needle, context),
);

const slice = fn(['any', '...any'], (value, indexes, context) => {
  const all = items(value, 'list should be type of slice or array but', context);
  const { length } = all.items;
  if (length === 0) return null;
  const start = indexes.length > 0 ? Number(toInt64(indexes[0])) : 0;
  const end = indexes.length > 1 ? Number(toInt64(indexes[1])) : length;
  if (start < 0 || end < start || end > length) throw new FunctionError('reflect.Value.Slice: slice index out of bounds');
  return { ...all, items: all.items.slice(start, end) };
});

const chunk = fn(['int', 'any'], (size, value, context) => {
  const all = items(value, 'Cannot chunk type', context).items;
  if (size <= 0) throw new FunctionError('runtime error: makeslice: len out of range');
  const chunks = Array.from({ length: Math.ceil(all.length / size) }, (_, index) => list(all.slice(index * size, (index + 1) * size)));
  return list(chunks, '[]interface {}');
});

function concat(lists: readonly Value[], context: Context): Value {
  const all = lists.flatMap((value) => {
    if (value !== null && !isList(value)) throw new FunctionError(`Cannot concat type ${kindName(value)} as list`);
    return items(value, '', context).items;
  });
  return all.length === 0 ? nilList() : list(all);
}

function sortAlpha(value: Value, context: Context): Value {
  const texts = isList(value) ? toTexts(value, context) : [toText(value, context)];
  return list(texts.sort(compareStrings), 'string');
}

const make = fn(['...any'], (values) => list(values));

export const listFunctions: FunctionMap = {
  list: make,
  tuple: make,
  append,
  push: append,
  mustAppend: append,
  mustPush: append,
  prepend,
  mustPrepend: prepend,
  first,
  mustFirst: first,
  last,
  mustLast: last,
  rest,
  mustRest: rest,
  initial,
  mustInitial: initial,
  reverse,
  mustReverse: reverse,
  compact,
  mustCompact: compact,
  uniq,
  mustUniq: uniq,
  without,
  mustWithout: without,
  has,
  mustHas: has,
  slice,
  mustSlice: slice,
  chunk,
  mustChunk: chunk,
  concat: fn(['...any'], concat),
  sortAlpha: fn(['any'], sortAlpha),
};
