// YAML as sigs.k8s.io/yaml writes it: the value's JSON, written by go-yaml v2.

import { FunctionError } from '../error.ts';
import { formatFloat } from '../format/float.ts';
import { type Budget, isDict, isInstance, isInt, isList, type Value } from '../value.ts';
import { compareKeys } from './keys.ts';
import { chooseStyle, writeString } from './scalar.ts';

const LONGEST_SIMPLE_KEY = 128;

// JSON writes a whole float without a point, and go-yaml then reads an integer; others print with %g.
function number(value: number): string {
  if (!Number.isFinite(value)) throw new FunctionError('json: unsupported value');
  const whole = Number.isInteger(value) && Math.abs(value) < 1e21 ? BigInt(formatFloat(value, 'f', -1)) : undefined;
  if (whole !== undefined && whole >= -(1n << 63n) && whole < 1n << 64n) return whole.toString();
  return formatFloat(value, 'g', -1);
}

// A scalar or an empty collection, which stand on the line of their key; undefined for the rest.
function inline(value: Value, column: number, indent: number): string | undefined {
  if (value === null || value === undefined) return 'null';
  if (typeof value === 'boolean') return String(value);
  if (typeof value === 'number') return number(value);
  if (typeof value === 'string') return writeString(value.toWellFormed(), false, column, indent);
  if (isInt(value)) return value.value.toString();
  if (isInstance(value)) return writeString(value.json, false, column, indent);
  if (isList(value)) return value.isNil ? 'null' : value.items.length === 0 ? '[]' : undefined;
  if (value.isNil) return 'null';
  return value.entries.size === 0 ? '{}' : undefined;
}

function isSimpleKey(key: string): boolean {
  return Buffer.byteLength(key) <= LONGEST_SIMPLE_KEY && !/[\r\n\u0085\u2028\u2029]/.test(key);
}

// The lines of a collection whose first line stands at the given indentation already.
function block(value: Value, indent: number, budget: Budget): string {
  budget.work(1);
  const padding = `\n${' '.repeat(indent)}`;
  const parts: string[] = [];
  let size = 0;
  const push = (part: string) => {
    size += part.length + padding.length;
    budget.text(size);
    parts.push(part);
  };
  if (isList(value)) {
    for (const item of value.items) push(`- ${inline(item, indent + 2, indent + 2) ?? block(item, indent + 2, budget)}`);
  } else if (isDict(value)) {
    for (const key of [...value.entries.keys()].sort(compareKeys)) {
      const item = value.entries.get(key);
      push(isSimpleKey(key) ? simpleEntry(key, item, indent, budget) : complexEntry(key, item, indent, budget));
    }
  }
  return parts.join(padding);
}

function simpleEntry(key: string, item: Value, indent: number, budget: Budget): string {
  const name = `${writeString(key.toWellFormed(), true, indent, indent)}:`;
  const scalar = inline(item, indent + Array.from(name).length + 1, indent + 2);
  if (scalar !== undefined) return `${name} ${scalar}`;
  // A list stands under its key without further indentation.
  const inner = isList(item) ? indent : indent + 2;
  return `${name}\n${' '.repeat(inner)}${block(item, inner, budget)}`;
}

// Keys that are long or have line breaks are written as `? key` and `: value`.
function complexEntry(key: string, item: Value, indent: number, budget: Budget): string {
  const name = writeString(key.toWellFormed(), false, indent + 2, indent + 2);
  const scalar = inline(item, indent + 2, indent + 2) ?? block(item, indent + 2, budget);
  return `? ${name}\n${' '.repeat(indent)}: ${scalar}`;
}

/**
 * Writes a value as YAML, without the newline at its end.
 *
 * @throws FunctionError for infinities and NaN, which JSON does not have.
 */
export function writeYaml(value: Value, budget: Budget): string {
  if (typeof value === 'string' && chooseStyle(value, false) === 'literal') {
    // go-yaml ends a document after its last line break; only one is cut off.
    return writeString(value, false, 0, 2);
  }
  return inline(value, 0, 2) ?? block(value, 0, budget);
}
