// The values that templates compute with: Go's types as far as templates can tell them apart.
//
//   Go                        here
//   string                    string (bytes that are not UTF-8 as lone surrogates, see utf8.ts)
//   bool                      boolean
//   float64                   number
//   int, int64, uint8 …       Int, with the type and a bigint
//   []T                       List, with the name of T
//   map[string]T              Dict, with the name of T
//   time.Time, *Version       Instance
//   nil in an interface{}     null
//   no value (missing key)    undefined
import { LimitError, TemplateError } from './error.ts';
import type { GoFunction } from './function.ts';
import { compareStrings } from './utf8.ts';

export type IntType = 'int' | 'int32' | 'int64' | 'uint8' | 'uint32' | 'uint64' | 'time.Month' | 'time.Weekday';

export interface Int {
  readonly kind: 'int';
  readonly type: IntType;
  readonly value: bigint;
}

export interface List {
  readonly kind: 'list';
  /** Go's name of the elements' type: `interface {}`, `string`, `int` … */
  readonly elem: string;
  readonly items: readonly Value[];
  /** A nil slice: prints like an empty one, but is `null` in JSON. */
  readonly isNil: boolean;
}

export interface Dict {
  readonly kind: 'dict';
  readonly elem: string;
  /** Changed in place by `set` and `unset`, as in Go. */
  readonly entries: Map<string, Value>;
  /** A nil map: reads as an empty one, but nothing can be set in it. */
  readonly isNil: boolean;
  /** Those of a named map type, such as the one that Helm keeps a chart's files in; they hide keys of the same name. */
  readonly methods?: Readonly<Record<string, GoFunction>>;
}

/** A Go object with methods, such as the result of `now` or `semver`. */
export interface Instance {
  readonly kind: 'instance';
  readonly type: string;
  /** What its String method gives. */
  readonly text: string;
  /** The string that stands for it in JSON. */
  readonly json: string;
  readonly methods: Readonly<Record<string, GoFunction>>;
  /** The object itself, for the functions that know its type. */
  readonly native: object;
}

export type Value = undefined | null | string | boolean | number | Int | List | Dict | Instance;

/** What a caller may give: plain data, or values made with {@link stringMap} and {@link float}. */
export type TemplateData =
  | undefined
  | null
  | string
  | boolean
  | number
  | bigint
  | Float
  | StringMap
  | readonly TemplateData[]
  | ReadonlyMap<string, TemplateData>
  | { readonly [key: string]: TemplateData };

/** Data that is a float64 whatever its value; made by {@link float}. */
export interface Float {
  readonly float64: number;
}

/** Data that is a `map[string]string`; made by {@link stringMap}. */
export interface StringMap {
  readonly strings: Readonly<Record<string, string>>;
}

const MADE = new WeakMap<object, Value>();

export const ANY = 'interface {}';
const MAX_DATA_DEPTH = 200;
const BITS: Readonly<Record<IntType, number>> = {
  int: 64,
  int32: 32,
  int64: 64,
  uint8: 8,
  uint32: 32,
  uint64: 64,
  'time.Month': 64,
  'time.Weekday': 64,
};

/** An integer, wrapped to its type's size as Go wraps. */
export function int(value: bigint | number, type: IntType = 'int'): Int {
  const big = typeof value === 'bigint' ? value : BigInt(Math.trunc(value));
  const wrapped = type.startsWith('uint') ? BigInt.asUintN(BITS[type], big) : BigInt.asIntN(BITS[type], big);
  return { kind: 'int', type, value: wrapped };
}

/** An int64, the type of sprig's arithmetic. */
export function int64(value: bigint | number): Int {
  return int(value, 'int64');
}

/** A slice; without a type, `[]interface {}`. */
export function list(items: readonly Value[], elem: string = ANY): List {
  return { kind: 'list', elem, items, isNil: false };
}

/** A nil slice of this type. */
export function nilList(elem: string = ANY): List {
  return { kind: 'list', elem, items: [], isNil: true };
}

/** A map with string keys; without a type, `map[string]interface {}`. */
export function dict(entries: Iterable<readonly [string, Value]> = [], elem: string = ANY): Dict {
  return { kind: 'dict', elem, entries: new Map(entries), isNil: false };
}

/** A nil map. */
export function nilDict(): Dict {
  return { ...dict(), isNil: true };
}

/** Data that is a float64 in Go; a plain JavaScript number without a fraction is taken for an int. */
export function float(value: number): Float {
  const made = { float64: value };
  MADE.set(made, value);
  return made;
}

/** Data that is a `map[string]string` in Go, as the environment of a cluster image is. */
export function stringMap(strings: Readonly<Record<string, string>>): StringMap {
  const made = { strings };
  MADE.set(made, dict(Object.entries(strings), 'string'));
  return made;
}

export function isInt(value: Value): value is Int {
  return typeof value === 'object' && value !== null && value.kind === 'int';
}

export function isList(value: Value): value is List {
  return typeof value === 'object' && value !== null && value.kind === 'list';
}

export function isDict(value: Value): value is Dict {
  return typeof value === 'object' && value !== null && value.kind === 'dict';
}

export function isInstance(value: Value): value is Instance {
  return typeof value === 'object' && value !== null && value.kind === 'instance';
}

/** Go's name of the value's type, as `%T` prints it. */
export function typeName(value: Value): string {
  switch (typeof value) {
    case 'undefined':
      return '<nil>';
    case 'string':
      return 'string';
    case 'boolean':
      return 'bool';
    case 'number':
      return 'float64';
    default:
      if (value === null) return '<nil>';
      if (value.kind === 'list') return `[]${value.elem}`;
      return value.kind === 'dict' ? `map[string]${value.elem}` : value.type;
  }
}

/** Go's reflect.Kind of the value. */
export function kindName(value: Value): string {
  if (value === undefined || value === null) return 'invalid';
  if (isList(value)) return 'slice';
  if (isDict(value)) return 'map';
  if (isInstance(value)) return value.type.startsWith('*') ? 'ptr' : 'struct';
  if (isInt(value)) return value.type.startsWith('time.') ? 'int' : value.type;
  return typeName(value);
}

/** Whether `if` takes the value for true: not the zero of its type, not empty. */
export function isTrue(value: Value): boolean {
  if (value === undefined || value === null) return false;
  if (typeof value !== 'object') return typeof value === 'string' ? value !== '' : Boolean(value) || Number.isNaN(value);
  if (value.kind === 'int') return value.value !== 0n;
  if (value.kind === 'list') return value.items.length > 0;
  return value.kind === 'dict' ? value.entries.size > 0 : true;
}

/** Keys in Go's order, which is that of their bytes. */
export function sortedKeys(value: Dict): string[] {
  return [...value.entries.keys()].sort(compareStrings);
}

function isPlainObject(data: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(data);
  return prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null;
}

/**
 * Turns plain data into values. Copies everything, so a template never changes the caller's data, and takes only own enumerable
 * properties, so nothing of JavaScript's objects is visible to a template.
 *
 * @throws TemplateError `TEMPLATE_DATA` for functions, symbols, class instances, and data nested more than 200 deep (also cyclic data).
 */
export function fromData(data: TemplateData, depth = 0): Value {
  if (depth > MAX_DATA_DEPTH)
    throw new TemplateError('TEMPLATE_DATA', `template data is nested more than ${MAX_DATA_DEPTH} deep or cyclic`);
  switch (typeof data) {
    case 'undefined':
    case 'string':
    case 'boolean':
      return data;
    case 'number':
      return Number.isSafeInteger(data) && !Object.is(data, -0) ? int(data) : data;
    case 'bigint':
      return int(data);
    case 'object':
      return fromObject(data, depth);
    default:
      throw new TemplateError('TEMPLATE_DATA', `template data holds a ${typeof data}`);
  }
}

type Composite = Exclude<TemplateData, undefined | string | boolean | number | bigint>;

function fromObject(data: Composite, depth: number): Value {
  if (data === null) return null;
  if (isArray(data)) return list(data.map((item) => fromData(item, depth + 1) ?? null));
  if (data instanceof Map) return fromEntries([...data], depth);
  const made = fromMade(data);
  if (made !== undefined) return made;
  if (!isPlainObject(data)) throw new TemplateError('TEMPLATE_DATA', 'template data holds an object that is not plain');
  return fromEntries(Object.entries(data as { readonly [key: string]: TemplateData }), depth);
}

function isArray(data: Composite): data is readonly TemplateData[] {
  return Array.isArray(data);
}

// Values made by float and stringMap. Plain data that only looks like one of them (it has a `kind` of its own) stays data.
function fromMade(data: object): Value {
  const made = MADE.get(data);
  return isDict(made) ? dict(made.entries, made.elem) : made;
}

function fromEntries(entries: readonly (readonly [unknown, TemplateData])[], depth: number): Dict {
  const result = dict();
  for (const [key, value] of entries) {
    if (typeof key !== 'string') throw new TemplateError('TEMPLATE_DATA', 'template data holds a map whose keys are not strings');
    if (value !== undefined) result.entries.set(key, fromData(value, depth + 1));
  }
  return result;
}

/** Limits of one rendering, and what of them is used. */
export interface Budget {
  /** Counts work: a unit for a node, an element or about sixteen characters. */
  readonly work: (units: number) => void;
  /** Counts the making of a string of this length, before it is made. */
  readonly text: (length: number) => void;
}

/** A budget that fails with a LimitError after so many units, and for any single string longer than so many characters. */
export function createBudget(maxWork: number, maxText: number): Budget {
  let used = 0;
  const work = (units: number) => {
    used += units;
    if (!(used <= maxWork)) throw new LimitError(`more work than allowed (${maxWork} units)`);
  };
  const text = (length: number) => {
    if (!(length <= maxText)) throw new LimitError(`text of more than ${maxText} characters`);
    work(length / 16);
  };
  return { work, text };
}
