import { badInput } from '@sealos/image';
import { type Document, isCollection, isMap, isScalar, isSeq, parseAllDocuments, visit, type YAMLMap } from 'yaml';
import { goYaml, toPlain, written } from './yaml-dialect.ts';
import { parsePlainYaml, parseYamlStream } from './yaml-stream.ts';

export interface NamedText {
  readonly text: string;
  /** For errors. */
  readonly name: string;
}

type Data = ReadonlyMap<unknown, unknown>;

/**
 * One YAML map laid over every document of a file: maps merge, lists and all else is replaced, empty values too. What is not touched
 * keeps its comments and its spelling. Throws bad input where the data is not one map, a document of the file is none, or a map or list
 * meets something else.
 */
export function mergeYaml(target: NamedText, data: NamedText): string {
  const over = parsePlainYaml(data.text, `${data.name}, data`);
  if (!(over instanceof Map)) throw badInput('bad-config', `${data.name}: data to merge is one YAML map`);
  // Says with file and line where it is not YAML, or not maps.
  if (parseYamlStream(target.text, target.name).length === 0) return data.text;
  const documents = parseAllDocuments(target.text, { ...goYaml, intAsBigInt: true, logLevel: 'error' });
  if ('empty' in documents) return data.text;
  const where = `${data.name}: ${target.name}`;
  return documents
    .map((document: Document) => {
      const merged = withoutAliases(document);
      if (isMap(merged.contents)) mergeInto(merged, merged.contents, over, where);
      return merged.toString(written);
    })
    .join('');
}

/** Aliases are written out: a change of one place must not change the others that refer to it. */
function withoutAliases(document: Document): Document {
  let found = false;
  visit(document, {
    Alias() {
      found = true;
      return visit.BREAK;
    },
  });
  if (found) document.contents = document.createNode(document.toJS({ ...toPlain, mapAsMap: true }), { aliasDuplicateObjects: false });
  return document;
}

function mergeInto(document: Document, map: YAMLMap, over: Data, where: string): void {
  for (const [key, value] of over) {
    const pair = map.items.find((item) => String(isScalar(item.key) ? item.key.value : item.key) === String(key));
    if (pair === undefined) {
      map.items.push(document.createPair(key, value));
      continue;
    }
    const old = pair.value;
    if (isMap(old) && value instanceof Map) {
      mergeInto(document, old, value, where);
      continue;
    }
    const [is, wanted] = [kindOfNode(old), kindOfValue(value)];
    if (is !== 'nothing' && wanted !== 'nothing' && is !== wanted)
      throw badInput('bad-config', `${where}: '${String(key)}' is ${is} in the image, and ${wanted} in the data`);
    const replacement = document.createNode(value);
    if (isScalar(old) && old.comment && isScalar(replacement)) replacement.comment = old.comment;
    pair.value = replacement;
  }
}

type Kind = 'a map' | 'a list' | 'a single value' | 'nothing';

function kindOfNode(node: unknown): Kind {
  if (isMap(node)) return 'a map';
  if (isSeq(node) || isCollection(node)) return 'a list';
  return isScalar(node) && node.value !== null ? 'a single value' : 'nothing';
}

function kindOfValue(value: unknown): Kind {
  if (value instanceof Map) return 'a map';
  if (Array.isArray(value)) return 'a list';
  return value === null || value === undefined ? 'nothing' : 'a single value';
}
