// The functions that text/template itself has, except slice, which sprig's replaces, and the comparisons (compare.ts).
import { SHORT_CIRCUIT } from '../call.ts';
import { FunctionError } from '../error.ts';
import { sprint, sprintln } from '../format/print.ts';
import { sprintf } from '../format/printf.ts';
import { type Context, type FunctionMap, fn } from '../function.ts';
import { isPrintable } from '../quote.ts';
import { byteLength, isEscaped, toBytes } from '../utf8.ts';
import { ANY, int, isDict, isInt, isList, isTrue, typeName, type Value } from '../value.ts';
import { queryEscape } from './url-escape.ts';

const HTML: Readonly<Record<string, string>> = {
  '"': '&#34;',
  "'": '&#39;',
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '\0': '\ufffd',
};
const JS: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  "'": "\\'",
  '"': '\\"',
  '<': '\\u003C',
  '>': '\\u003E',
  '&': '\\u0026',
  '=': '\\u003D',
};

function toIndex(value: Value, limit: number): number {
  if (value === undefined || value === null) throw new FunctionError('cannot index slice/array with nil');
  if (!isInt(value)) throw new FunctionError(`cannot index slice/array with type ${typeName(value)}`);
  if (value.value < 0n || value.value > BigInt(limit)) throw new FunctionError(`index out of range: ${value.value}`);
  return Number(value.value);
}

// reflect refuses the index that is just behind the end; Go's own check lets it pass.
function inside(index: number, length: number, what: string): number {
  if (index >= length) throw new FunctionError(`reflect: ${what} index out of range`);
  return index;
}

function zeroOf(elem: string): Value {
  if (elem === 'string') return '';
  return elem === ANY ? null : undefined;
}

function indexOnce(item: Value, index: Value): Value {
  if (item === null || item === undefined) throw new FunctionError('index of nil pointer');
  if (typeof item === 'string') {
    const bytes = toBytes(item);
    return int(bytes[inside(toIndex(index, bytes.length), bytes.length, 'string')] ?? 0, 'uint8');
  }
  if (isList(item)) return item.items[inside(toIndex(index, item.items.length), item.items.length, 'slice')];
  if (!isDict(item)) throw new FunctionError(`can't index item of type ${typeName(item)}`);
  if (index === undefined || index === null) throw new FunctionError('value is nil; should be of type string');
  if (typeof index !== 'string') throw new FunctionError(`value has type ${typeName(index)}; should be string`);
  return item.entries.has(index) ? item.entries.get(index) : zeroOf(item.elem);
}

function length(item: Value): Value {
  if (typeof item === 'string') return int(byteLength(item));
  if (isList(item)) return int(item.items.length);
  if (isDict(item)) return int(item.entries.size);
  if (item === null) throw new FunctionError('len of nil pointer');
  if (item === undefined) throw new FunctionError('reflect: call of reflect.Value.Type on zero Value');
  throw new FunctionError(`len of type ${typeName(item)}`);
}

function escapeJs(text: string): string {
  let out = '';
  for (const rune of text) {
    const special = JS[rune];
    const code = isEscaped(rune) ? 0xfffd : (rune.codePointAt(0) ?? 0);
    if (special !== undefined) out += special;
    else if (code < 0x20) out += `\\u00${code.toString(16).toUpperCase().padStart(2, '0')}`;
    else if (code < 0x80 || isPrintable(rune)) out += rune;
    else out += `\\u${code.toString(16).toUpperCase().padStart(4, '0')}`;
  }
  return out;
}

// How the arguments of an escaping function print together: as an action would print them.
function evaluated(values: readonly Value[], { budget }: Context): string {
  const shown = values.map((value) => value ?? '<no value>');
  const text = sprint(shown, budget);
  budget.text(text.length * 6);
  return text;
}

export const builtinFunctions: FunctionMap = {
  and: SHORT_CIRCUIT,
  or: SHORT_CIRCUIT,
  not: fn(['value'], (value) => !isTrue(value)),
  call: fn(['value', '...value'], (value) => {
    if (value === undefined || value === null) throw new FunctionError('call of nil');
    throw new FunctionError(`non-function of type ${typeName(value)}`);
  }),
  html: fn(['...any'], (values, context) => evaluated(values, context).replace(/["'&<>\0]/g, (character) => HTML[character] ?? '')),
  js: fn(['...any'], (values, context) => escapeJs(evaluated(values, context))),
  urlquery: fn(['...any'], (values, context) => queryEscape(evaluated(values, context))),
  index: fn(['value', '...value'], (item, indexes) => {
    if (item === undefined || item === null) throw new FunctionError('index of untyped nil');
    return indexes.reduce<Value>(indexOnce, item);
  }),
  len: fn(['value'], length),
  print: fn(['...any'], (values, { budget }) => sprint(values, budget)),
  printf: fn(['string', '...any'], (format, values, { budget }) => sprintf(format, values, budget)),
  println: fn(['...any'], (values, { budget }) => sprintln(values, budget)),
};
