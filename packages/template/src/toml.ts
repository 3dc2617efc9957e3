// TOML as BurntSushi's encoder writes it: plain keys first, then tables, each indented by its depth.
import { FunctionError } from './error.ts';
import { formatFloat } from './format/float.ts';
import { type Budget, type Dict, isDict, isInstance, isInt, isList, type List, sortedKeys, type Value } from './value.ts';

const SHORT: Readonly<Record<string, string>> = {
  '\b': '\\b',
  '\t': '\\t',
  '\n': '\\n',
  '\f': '\\f',
  '\r': '\\r',
  '"': '\\"',
  '\\': '\\\\',
};

function quoted(text: string): string {
  const escaped = text.toWellFormed().replace(/["\\\x00-\x1f\x7f]/g, (character) => {
    return SHORT[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
  return `"${escaped}"`;
}

function keyPart(key: string): string {
  return /^[A-Za-z0-9_-]+$/.test(key) ? key : quoted(key);
}

function float(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? '+inf' : '-inf';
  const text = formatFloat(value, 'f', -1);
  return text.includes('.') ? text : `${text}.0`;
}

// Arrays of nothing but tables are written as [[name]].
function isTableArray(value: Value): value is List {
  return isList(value) && value.items.length > 0 && value.items.every((item) => isDict(item));
}

function element(value: Value, budget: Budget): string {
  budget.work(1);
  if (typeof value === 'string') return quoted(value);
  if (typeof value === 'boolean') return String(value);
  if (typeof value === 'number') return float(value);
  if (value === null || value === undefined) throw new FunctionError('toml: cannot encode array with nil element');
  if (isInt(value)) return value.value.toString();
  if (isInstance(value)) return value.type === 'time.Time' ? value.json : quoted(value.json);
  const text = isList(value)
    ? `[${value.items.map((item) => element(item, budget)).join(', ')}]`
    : `{${sortedKeys(value)
        .filter((key) => value.entries.get(key) !== null)
        .map((key) => `${keyPart(key)} = ${element(value.entries.get(key), budget)}`)
        .join(', ')}}`;
  budget.text(text.length);
  return text;
}

interface Writer {
  text: string;
  readonly budget: Budget;
}

function writeTable(writer: Writer, table: Dict, path: readonly string[]): void {
  const { budget } = writer;
  const padding = '  '.repeat(Math.max(0, path.length));
  const keys = sortedKeys(table).filter((key) => (table.entries.get(key) ?? null) !== null);
  const isTable = (key: string) => isDict(table.entries.get(key)) || isTableArray(table.entries.get(key));
  for (const key of keys.filter((name) => !isTable(name))) {
    writer.text += `${padding}${keyPart(key)} = ${element(table.entries.get(key), budget)}\n`;
    budget.text(writer.text.length);
  }
  for (const key of keys.filter(isTable)) {
    const value = table.entries.get(key);
    const name = [...path, key];
    const title = name.map(keyPart).join('.');
    if (isDict(value)) {
      if (name.length === 1 && writer.text !== '') writer.text += '\n';
      writer.text += `${padding}[${title}]\n`;
      writeTable(writer, value, name);
    } else if (isList(value)) {
      for (const item of value.items) {
        if (writer.text !== '') writer.text += '\n';
        writer.text += `${padding}[[${title}]]\n`;
        if (isDict(item)) writeTable(writer, item, name);
      }
    }
  }
}

/**
 * Writes a map as TOML.
 *
 * @throws FunctionError for anything else, and for arrays with nil elements.
 */
export function writeToml(value: Value, budget: Budget): string {
  if (isList(value)) element(value, budget); // an element that cannot be written is reported first
  if (!isDict(value)) throw new FunctionError('toml: top-level values must be Go maps or structs');
  const writer: Writer = { text: '', budget };
  writeTable(writer, value, []);
  return writer.text;
}
