import { badInput, SealosError } from '@sealos/image';
import * as v from 'valibot';
import { type Document, isMap, isNode, LineCounter, parseAllDocuments } from 'yaml';
import { located } from './problems.ts';
import { goYaml, toPlain } from './yaml-dialect.ts';

/** One document of a YAML stream, with what it takes to say where something in it is wrong. */
export interface StreamDocument {
  /** 1 for the first. */
  readonly number: number;
  readonly value: Readonly<Record<string, unknown>>;
  /** `Clusterfile:12: document 2` for a path of keys; the nearest line that exists. */
  where(path?: readonly PropertyKey[]): string;
}

/** The documents of a YAML stream, empty ones left out. `name` is the file's, for errors. Throws bad input where it is not YAML or a document is no map. */
export function parseYamlStream(text: string, name: string): readonly StreamDocument[] {
  const { documents, lines } = parseDocuments(text, name);
  return documents.flatMap((document, index) => {
    const plain = toJs(document, name);
    if (document.contents === null || plain === null) return [];
    const where = (path: readonly PropertyKey[] = []) => `${name}:${lineOf(document, path, lines)}: document ${index + 1}`;
    if (!isMap(document.contents)) throw badInput('bad-yaml', `${where()} is not a map`);
    return [{ number: index + 1, value: plain as Record<string, unknown>, where }];
  });
}

/** The one document of a text as plain data, its maps as Maps; null for an empty text. Throws bad input where it is not YAML, or several documents. */
export function parsePlainYaml(text: string, name: string): unknown {
  const { documents } = parseDocuments(text, name, { intAsBigInt: true });
  const full = documents.map((document) => toJs(document, name, { mapAsMap: true })).filter((value) => value !== null);
  if (full.length > 1) throw badInput('bad-yaml', `${name}: more than one YAML document`);
  return full[0] ?? null;
}

/** A document, or a part of one, parsed by a schema. Throws bad input that says where and what; several problems in one error, a line each. */
export function parseWith<const S extends v.GenericSchema>(schema: S, document: StreamDocument): v.InferOutput<S> {
  const result = v.safeParse(schema, document.value);
  if (result.success) return result.output;
  const problems = result.issues.map((issue) => {
    const path = issue.path?.map(({ key }) => key as PropertyKey) ?? [];
    const missing = issue.received === 'undefined';
    const what = missing ? 'is missing' : issue.expected === null ? issue.message : `is ${issue.received}, not ${issue.expected}`;
    return `${document.where(path)}: ${path.map(String).join('.')} ${what}`;
  });
  throw badInput('bad-clusterfile', problems.join('\n  '));
}

/** Does something with a part of a document; bad input in it is said with its place. */
export function at<T>(document: StreamDocument, path: readonly PropertyKey[], action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw error instanceof SealosError ? located(error, document.where(path)) : error;
  }
}

function parseDocuments(text: string, name: string, options: { readonly intAsBigInt?: boolean } = {}) {
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { ...goYaml, ...options, lineCounter: lines, logLevel: 'error' });
  if ('empty' in documents) return { documents: [], lines };
  for (const [index, { errors }] of documents.entries()) {
    const [problem] = errors;
    if (problem === undefined) continue;
    const message = problem.message.split('\n')[0]?.replace(/ at line .*/, '');
    throw badInput('bad-yaml', `${name}:${problem.linePos?.[0].line ?? 1}: document ${index + 1}: ${message}`);
  }
  return { documents, lines };
}

function toJs(document: Document, name: string, options: { readonly mapAsMap?: boolean } = {}): unknown {
  try {
    return document.toJS({ ...toPlain, ...options });
  } catch (error) {
    throw badInput('bad-yaml', `${name}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function lineOf(document: Document, path: readonly PropertyKey[], lines: LineCounter): number {
  for (let length = path.length; length >= 0; length--) {
    const node = length === 0 ? document.contents : document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
  }
  return 1;
}
