// YAML as sigs.k8s.io/yaml reads it into Go: through JSON, so that every number is a float64 and every key a string.
import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Node,
  parseAllDocuments,
  type Scalar as ScalarNode,
  type YAMLMap,
} from 'yaml';
import { FunctionError } from '../error.ts';
import { formatFloat } from '../format/float.ts';
import { type Budget, type Dict, dict, isDict, isList, list, type Value } from '../value.ts';
import { resolvePlain, type Scalar } from './resolve.ts';

function scalar(node: ScalarNode): Scalar {
  const text = typeof node.value === 'string' ? node.value : (node.source ?? '');
  const tag = node.tag?.replace('tag:yaml.org,2002:', '!!');
  if (tag === '!!str' || tag === '!!binary') return text;
  return node.type === 'PLAIN' || node.type === undefined || tag === '!!int' || tag === '!!float' || tag === '!!bool'
    ? resolvePlain(text)
    : text;
}

function fromScalar(value: Scalar): Value {
  if (typeof value === 'bigint') return Number(value);
  if (typeof value === 'number' && !Number.isFinite(value)) {
    throw new FunctionError(`error converting YAML to JSON: json: unsupported value: ${formatFloat(value, 'g', -1)}`);
  }
  return value;
}

function keyText(node: unknown): string {
  if (!isScalar(node)) throw new FunctionError('error converting YAML to JSON: yaml: invalid map key');
  const value = scalar(node);
  if (value === null) throw new FunctionError('error converting YAML to JSON: Unsupported map key of type: <nil>');
  return typeof value === 'number' ? formatFloat(value, 'g', -1) : String(value);
}

interface Reading {
  readonly document: Document;
  readonly budget: Budget;
  /** Anchors being read, to refuse one that contains itself. */
  readonly open: Set<unknown>;
}

function fromAlias(node: Alias, reading: Reading): Value {
  const target = node.resolve(reading.document);
  if (target === undefined || reading.open.has(target)) {
    throw new FunctionError(`error converting YAML to JSON: yaml: ${target === undefined ? 'unknown anchor' : 'anchor'} '${node.source}'`);
  }
  reading.open.add(target);
  const value = fromNode(target, reading);
  reading.open.delete(target);
  return value;
}

// `<<: *defaults`, also a list of them: keys that the map does not have itself.
function merge(into: Dict, value: Value): void {
  for (const source of isList(value) ? value.items : [value]) {
    if (!isDict(source))
      throw new FunctionError('error converting YAML to JSON: yaml: map merge requires map or sequence of maps as the value');
    for (const [key, item] of source.entries) if (!into.entries.has(key)) into.entries.set(key, item);
  }
}

function fromMap(node: YAMLMap, reading: Reading): Dict {
  const result = dict();
  const merged: Value[] = [];
  for (const { key, value } of node.items) {
    const isMerge = isScalar(key) && key.value === '<<' && key.type === 'PLAIN';
    const item = fromNode(value, reading);
    if (isMerge) merged.push(item);
    else result.entries.set(keyText(key), item);
  }
  for (const value of merged) merge(result, value);
  return result;
}

function fromNode(node: unknown, reading: Reading): Value {
  reading.budget.work(16); // an alias costs as much as what it stands for, so that a text of nothing but aliases ends soon
  if (isAlias(node)) return fromAlias(node, reading);
  if (isMap(node)) return fromMap(node, reading);
  if (isSeq(node)) return list(node.items.map((item) => fromNode(item, reading)));
  return isScalar(node) ? fromScalar(scalar(node)) : null;
}

/**
 * Reads the first document of a text.
 *
 * @throws FunctionError where it is not YAML; the words are not Go's.
 */
export function readYaml(text: string, budget: Budget): Value {
  budget.work(text.length / 4);
  const documents = parseAllDocuments<Node>(text, { schema: 'failsafe', uniqueKeys: false, version: '1.1', logLevel: 'error' });
  const [document] = documents;
  if (document === undefined || !('contents' in document)) return null;
  const [error] = document.errors;
  if (error !== undefined) {
    const line = error.linePos?.[0].line;
    throw new FunctionError(
      `error converting YAML to JSON: yaml: ${line === undefined ? '' : `line ${line}: `}${error.message.split('\n')[0]}`,
    );
  }
  return fromNode(document.contents, { document, budget, open: new Set() });
}
