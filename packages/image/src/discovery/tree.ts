import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseAllDocuments, type Scalar } from 'yaml';

/** A document's values as they are written: no number, date or truth value is made of a text. Lines count from 1. */
export type Tree = TextTree | ListTree | MapTree;

export interface TextTree {
  readonly kind: 'text';
  readonly line: number;
  readonly text: string;
  /** Line of the text's own first line: a block's is below its `|`. */
  readonly firstLine: number;
}

export interface ListTree {
  readonly kind: 'list';
  readonly items: readonly Tree[];
}

export interface MapTree {
  readonly kind: 'map';
  /** In order; a key may come twice, the last one counts. What `<<` merges is in front. */
  readonly entries: readonly (readonly [key: string, value: Tree])[];
}

/** How often a document's aliases may be looked up: one of nothing but aliases would else grow without end. */
const ALIAS_LIMIT = 2_000;

interface Reading {
  readonly document: Document;
  readonly lines: LineCounter;
  readonly firstLine: number;
  aliases: number;
}

/** Reads YAML or JSON; undefined where it is neither. `firstLine` is the number of the text's first line in its file. */
export function readTrees(text: string, firstLine = 1): readonly Tree[] | undefined {
  try {
    return parseTrees(text, firstLine);
  } catch (error) {
    // Nested deeper than the stack goes: nothing that a tool of Kubernetes would take.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function parseTrees(text: string, firstLine: number): readonly Tree[] | undefined {
  const lines = new LineCounter();
  // JSON may be indented with tabs, which YAML does not allow everywhere; inside JSON's strings they are written \t.
  const readable = /^\s*[[{]/.test(text) ? text.replaceAll('\t', ' ') : text;
  const documents = parseAllDocuments(readable, {
    lineCounter: lines,
    schema: 'failsafe',
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: 'silent',
  });
  if ('empty' in documents) return [];
  const trees: Tree[] = [];
  for (const document of documents) {
    if (document.errors.length > 0) return undefined;
    const tree = fromNode(document.contents, { document, lines, firstLine, aliases: 0 });
    if (tree !== undefined) trees.push(tree);
  }
  return trees;
}

function fromNode(node: unknown, reading: Reading): Tree | undefined {
  if (isScalar(node)) return fromScalar(node, reading);
  if (isSeq(node)) return { kind: 'list', items: node.items.flatMap((item) => fromNode(item, reading) ?? []) };
  if (isMap(node)) {
    const entries: (readonly [string, Tree])[] = [];
    for (const { key, value } of node.items) {
      if (!isScalar(key)) continue;
      if (key.value === '<<' && key.type === 'PLAIN') {
        entries.unshift(...merged(value, reading));
        continue;
      }
      const tree = fromNode(value, reading);
      if (tree !== undefined) entries.push([String(key.value ?? ''), tree]);
    }
    return { kind: 'map', entries };
  }
  if (!isAlias(node)) return undefined;
  const target = resolved(node, reading);
  // Maps and lists are read where their anchor is.
  return isScalar(target) ? fromScalar(target, reading, node) : undefined;
}

function fromScalar(node: Scalar, { lines, firstLine }: Reading, place: Node = node): TextTree | undefined {
  const text = typeof node.value === 'string' ? node.value : '';
  const isPlain = node.type === 'PLAIN';
  if (isPlain && (text === '' || text === '~' || text === 'null')) return undefined;
  const line = lines.linePos(place.range?.[0] ?? 0).line + firstLine - 1;
  return { kind: 'text', line, text, firstLine: node.type === 'BLOCK_LITERAL' || node.type === 'BLOCK_FOLDED' ? line + 1 : line };
}

function merged(value: unknown, reading: Reading): readonly (readonly [string, Tree])[] {
  if (isSeq(value)) return [...value.items].reverse().flatMap((item) => merged(item, reading));
  const target = isAlias(value) ? resolved(value, reading) : value;
  if (!isMap(target)) return [];
  // What is merged once more counts with all that it has.
  reading.aliases += target.items.length;
  const tree = fromNode(target, reading);
  return tree?.kind === 'map' ? tree.entries : [];
}

function resolved(node: { resolve(document: Document): Node | undefined }, reading: Reading): Node | undefined {
  reading.aliases += 1;
  return reading.aliases > ALIAS_LIMIT ? undefined : node.resolve(reading.document);
}

/** The value of a key. */
export function valueAt(map: MapTree, key: string): Tree | undefined {
  return map.entries.findLast(([name]) => name === key)?.[1];
}

/** The text under a key. */
export function textOf(map: MapTree, key: string): string | undefined {
  const value = valueAt(map, key);
  return value?.kind === 'text' ? value.text.trim() : undefined;
}
