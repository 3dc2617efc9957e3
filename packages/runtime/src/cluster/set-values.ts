import { badInput } from '@sealos/image';
import type { TemplateData } from '@sealos/template';

/** What templates see as `.Values`. Maps, so that no key is special. */
export type Values = ReadonlyMap<string, TemplateData>;

/** One value of `--set` and where it goes: names of map members and, as numbers, indices of lists. */
export interface Assignment {
  readonly path: readonly (string | number)[];
  readonly value: TemplateData;
}

/** helm's limits: a slip in an index must not make a list that fills the memory. */
const MAX_INDEX = 65_536;
const MAX_DEPTH = 30;

interface Cursor {
  readonly text: string;
  at: number;
}

/**
 * Reads one `--set` as helm does: `a.b=c,d[0].e=f`, lists `a={x,y}` and `a=[]`, `\` before a character that stands for itself.
 * `true`, `false`, `null` and whole numbers without leading zeros are such values, all else is text.
 * Throws bad input that names what is wrong, never the value (it may be a password).
 */
export function parseSet(text: string): readonly Assignment[] {
  const cursor: Cursor = { text, at: 0 };
  const assignments: Assignment[] = [];
  while (cursor.at < text.length) {
    const path = readPath(cursor);
    assignments.push({ path, value: readValue(cursor, formatPath(path)) });
  }
  return assignments;
}

/** Values with assignments laid over, in order. Throws bad input where a member of something that is no map (or list) is set. */
export function withAssignments(values: Values, assignments: readonly Assignment[]): Values {
  return assignments.reduce<Values>((map, { path, value }) => {
    const changed = assign(map, path, value, path, 0);
    return changed instanceof Map ? changed : map;
  }, values);
}

function assign(
  current: TemplateData,
  rest: readonly (string | number)[],
  value: TemplateData,
  path: readonly (string | number)[],
  depth: number,
): TemplateData {
  const [key, ...deeper] = rest;
  if (key === undefined) return value;
  const known = current !== undefined && current !== null;
  if (typeof key === 'string') {
    if (known && !(current instanceof Map)) throw notA('map', path.slice(0, depth), path);
    const map = current instanceof Map ? current : new Map<string, TemplateData>();
    return new Map([...map, [key, assign(map.get(key), deeper, value, path, depth + 1)]]);
  }
  if (known && !Array.isArray(current)) throw notA('list', path.slice(0, depth), path);
  const list: TemplateData[] = Array.isArray(current) ? [...current] : [];
  while (list.length < key) list.push(null);
  list[key] = assign(list[key], deeper, value, path, depth + 1);
  return list;
}

function notA(what: string, where: readonly (string | number)[], path: readonly (string | number)[]): Error {
  return badInput('bad-set', `--set ${formatPath(path)}: '${formatPath(where)}' is not a ${what}`);
}

function formatPath(path: readonly (string | number)[]): string {
  return path.reduce<string>((text, key) => (typeof key === 'number' ? `${text}[${key}]` : text === '' ? key : `${text}.${key}`), '');
}

/** `a.b[0].c=`: up to and with the sign. */
function readPath(cursor: Cursor): readonly (string | number)[] {
  const path: (string | number)[] = [];
  let afterIndex = false;
  for (;;) {
    const { text, end } = readUntil(cursor, '=.[,');
    if (!afterIndex && text !== '') path.push(text);
    else if (!afterIndex || text !== '') {
      const what = afterIndex ? `'${text}' after an index` : 'a name is missing';
      throw badInput('bad-set', `--set ${formatPath(path)}: ${what}`, 'write a.b=VALUE or a[0].b=VALUE');
    }
    if (path.length > MAX_DEPTH) throw badInput('bad-set', `--set: more than ${MAX_DEPTH} names deep`);
    if (end === '=') return path;
    if (end === '' || end === ',') throw badInput('bad-set', `--set ${formatPath(path)}: it has no value`, 'write KEY=VALUE');
    afterIndex = end === '[';
    if (afterIndex) path.push(readIndex(cursor, path));
  }
}

function readIndex(cursor: Cursor, path: readonly (string | number)[]): number {
  const { text, end } = readUntil(cursor, ']');
  const index = Number(text);
  if (end === ']' && /^\d+$/.test(text) && index <= MAX_INDEX) return index;
  throw badInput('bad-set', `--set ${formatPath(path)}: '[${text}${end}' is not an index`, `write a number up to ${MAX_INDEX}: a[0]=VALUE`);
}

/** The value behind `=`, and the comma after it. */
function readValue(cursor: Cursor, name: string): TemplateData {
  const { text, at } = cursor;
  if (/^\[\](?:,|$)/.test(text.slice(at, at + 3))) {
    cursor.at += 3;
    return [];
  }
  if (text[at] !== '{') return typed(readUntil(cursor, ','));
  cursor.at += 1;
  const list: TemplateData[] = [];
  for (;;) {
    while (text[cursor.at] === ' ') cursor.at += 1;
    const item = readUntil(cursor, ',}');
    if (item.end === '') throw badInput('bad-set', `--set ${name}: the list has no end`, "close it with '}'");
    if (item.end === ',' || item.text !== '' || list.length > 0) list.push(typed(item));
    if (item.end === '}') break;
  }
  if (cursor.at < text.length && text[cursor.at] !== ',')
    throw badInput('bad-set', `--set ${name}: something stands behind the list`, 'separate values by commas');
  cursor.at += 1;
  return list;
}

interface Piece {
  readonly text: string;
  /** The character that ended it, taken; empty at the end of the text. */
  readonly end: string;
}

function readUntil(cursor: Cursor, stops: string): Piece {
  let text = '';
  for (let char = cursor.text[cursor.at]; char !== undefined; char = cursor.text[cursor.at]) {
    cursor.at += 1;
    if (stops.includes(char)) return { text, end: char };
    if (char === '\\' && cursor.at < cursor.text.length) {
      text += cursor.text[cursor.at];
      cursor.at += 1;
    } else text += char;
  }
  return { text, end: '' };
}

function typed({ text }: Piece): TemplateData {
  const lower = text.toLowerCase();
  if (lower === 'true' || lower === 'false') return lower === 'true';
  if (lower === 'null') return null;
  if (text === '0') return 0;
  if (!/^[-+]?[1-9]\d{0,18}$/.test(text)) return text;
  const number = BigInt(text.replace(/^\+/, ''));
  return BigInt.asIntN(64, number) === number ? number : text;
}
