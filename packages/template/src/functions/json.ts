// JSON as Go's encoding/json writes and reads it.
import { FunctionError } from '../error.ts';
import { formatFloat } from '../format/float.ts';
import { type Context, type FunctionMap, fn } from '../function.ts';
import { type Budget, type Dict, dict, isInstance, isInt, isList, list, sortedKeys, type Value } from '../value.ts';

const SHORT: Readonly<Record<string, string>> = { '"': '\\"', '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function escapeUnit(unit: string): string {
  return SHORT[unit] ?? `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

function jsonString(text: string, html: boolean): string {
  const escaped = text.toWellFormed().replace(html ? /["\\\x00-\x1f<>&\u2028\u2029]/g : /["\\\x00-\x1f\u2028\u2029]/g, escapeUnit);
  return `"${text.isWellFormed() ? escaped : escaped.replaceAll('\ufffd', '\\ufffd')}"`;
}

function jsonNumber(value: number): string {
  if (!Number.isFinite(value)) throw new FunctionError(`json: unsupported value: ${formatFloat(value, 'g', -1)}`);
  const size = Math.abs(value);
  if (size === 0 || (size >= 1e-6 && size < 1e21)) return formatFloat(value, 'f', -1);
  return formatFloat(value, 'e', -1).replace(/e-0([0-9])$/, 'e-$1');
}

interface Layout {
  /** Escapes `<`, `>` and `&`, as Go does unless told otherwise. */
  readonly html: boolean;
  /** Spaces of a level; 0 for everything in one line. */
  readonly indent: number;
}

function enclosed(parts: readonly string[], brackets: string, layout: Layout, depth: number): string {
  const [open = '', close = ''] = brackets;
  if (parts.length === 0) return brackets;
  if (layout.indent === 0) return `${open}${parts.join(',')}${close}`;
  const line = (level: number) => `\n${' '.repeat(level * layout.indent)}`;
  return `${open}${line(depth + 1)}${parts.join(`,${line(depth + 1)}`)}${line(depth)}${close}`;
}

/**
 * Writes a value as json.Marshal does: keys sorted, shortest floats.
 *
 * @throws FunctionError for infinities and NaN.
 */
export function encodeJson(value: Value, layout: Layout, budget: Budget, depth = 0): string {
  budget.work(1);
  if (value === null || value === undefined) return 'null';
  if (typeof value === 'string') return jsonString(value, layout.html);
  if (typeof value === 'number') return jsonNumber(value);
  if (typeof value === 'boolean') return String(value);
  if (isInt(value)) return value.value.toString();
  if (isInstance(value)) return jsonString(value.json, layout.html);
  if (value.isNil) return 'null';
  const inner = (item: Value) => encodeJson(item, layout, budget, depth + 1);
  const colon = layout.indent === 0 ? ':' : ': ';
  const text = isList(value)
    ? enclosed(value.items.map(inner), '[]', layout, depth)
    : enclosed(
        sortedKeys(value).map((key) => `${jsonString(key, layout.html)}${colon}${inner(value.entries.get(key))}`),
        '{}',
        layout,
        depth,
      );
  budget.text(text.length);
  return text;
}

/** Plain data of JavaScript's parsers as values; every number becomes a float64, as in Go. */
export function fromPlain(data: unknown, budget: Budget): Value {
  budget.work(8);
  if (typeof data === 'bigint') return Number(data);
  if (typeof data === 'string' || typeof data === 'number' || typeof data === 'boolean') return data;
  if (Array.isArray(data)) return list(data.map((item) => fromPlain(item, budget)));
  if (typeof data !== 'object' || data === null) return null;
  return dict(Object.entries(data).map(([key, item]) => [key, fromPlain(item, budget)] as const));
}

function parse(text: string, { budget }: Context): { value: Value } | { error: string } {
  budget.work(text.length / 16);
  try {
    return { value: fromPlain(JSON.parse(text), budget) };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return { error: syntaxError(text) };
  }
}

// Go's words for the commonest mistakes.
function syntaxError(text: string): string {
  const trimmed = text.trim();
  if (trimmed === '') return 'unexpected end of JSON input';
  const first = Array.from(trimmed)[0] ?? '';
  if (!/[[{"0-9tfn-]/.test(first)) return `invalid character ${first === "'" ? "'\\''" : `'${first}'`} looking for beginning of value`;
  const incomplete = /^[[{]/.test(trimmed) && !/[\]}]$/.test(trimmed);
  return incomplete ? 'unexpected end of JSON input' : 'invalid character in JSON';
}

function compact(value: Value, html: boolean, { budget }: Context): string {
  return encodeJson(value, { html, indent: 0 }, budget);
}

// The functions without must give an empty text where the value has no JSON.
function lenient(encode: (value: Value, context: Context) => string) {
  return fn(['any'], (value, context) => {
    try {
      return encode(value, context);
    } catch (error) {
      if (error instanceof FunctionError) return '';
      throw error;
    }
  });
}

function pretty(value: Value, { budget }: Context): string {
  return encodeJson(value, { html: true, indent: 2 }, budget);
}

/** Helm's way to report what could not be read: a map with the key Error. */
export function errorDict(message: string): Dict {
  return dict([['Error', message]]);
}

export const jsonFunctions: FunctionMap = {
  toJson: lenient((value, context) => compact(value, true, context)),
  mustToJson: fn(['any'], (value, context) => compact(value, true, context)),
  toPrettyJson: lenient(pretty),
  mustToPrettyJson: fn(['any'], pretty),
  toRawJson: fn(['any'], (value, context) => compact(value, false, context)),
  mustToRawJson: fn(['any'], (value, context) => compact(value, false, context)),
  mustFromJson: fn(['string'], (text, context) => {
    const read = parse(text, context);
    if ('error' in read) throw new FunctionError(read.error);
    return read.value;
  }),
  /** Helm's: always a map; the key Error where the text is none. */
  fromJson: fn(['string'], (text, context) => {
    const read = parse(text, context);
    if ('error' in read) return errorDict(read.error);
    const { value } = read;
    if (typeof value === 'object' && value !== null && value.kind === 'dict') return value;
    return value === null ? dict() : errorDict(`json: cannot unmarshal ${jsonKind(value)} into Go value of type map[string]interface {}`);
  }),
  /** Helm's: always a list; its one element is the error where the text is none. */
  fromJsonArray: fn(['string'], (text, context) => {
    const read = parse(text, context);
    if ('error' in read) return list([read.error]);
    if (isList(read.value)) return read.value;
    return read.value === null ? list([]) : list([`json: cannot unmarshal ${jsonKind(read.value)} into Go value of type []interface {}`]);
  }),
};

/** How encoding/json names what it found. */
export function jsonKind(value: Value): string {
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'string') return 'string';
  if (typeof value === 'number') return 'number';
  return isList(value) ? 'array' : 'object';
}
