import { badInput, SealosError } from '@sealos/image';
import * as v from 'valibot';
import { type Document, isMap, isNode, LineCounter, parseAllDocuments } from 'yaml';

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
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { lineCounter: lines });
  if ('empty' in documents) return [];
  return documents.flatMap((document, index) => {
    const problem = document.errors[0];
    if (problem !== undefined) {
      throw badInput(
        'bad-yaml',
        `${name}:${problem.linePos?.[0].line ?? 1}: document ${index + 1}: ${problem.message.split('\n')[0]?.replace(/ at line .*/, '')}`,
      );
    }
    if (document.contents === null || (isNode(document.contents) && document.toJS() === null)) return [];
    const where = (path: readonly PropertyKey[] = []) => `${name}:${lineOf(document, path, lines)}: document ${index + 1}`;
    if (!isMap(document.contents)) throw badInput('bad-yaml', `${where()} is not a map`);
    return [{ number: index + 1, value: document.toJS() as Record<string, unknown>, where }];
  });
}

/** A document, or a part of one, parsed by a schema. Throws bad input that says where and what. */
export function parseWith<const S extends v.GenericSchema>(schema: S, document: StreamDocument): v.InferOutput<S> {
  const result = v.safeParse(schema, document.value);
  if (result.success) return result.output;
  const [issue] = result.issues;
  const path = issue.path?.map(({ key }) => key as PropertyKey) ?? [];
  const missing = issue.received === 'undefined';
  const what = missing ? 'is missing' : issue.expected === null ? issue.message : `is ${issue.received}, not ${issue.expected}`;
  throw badInput('bad-clusterfile', `${document.where(path)}: ${path.map(String).join('.')} ${what}`);
}

/** Does something with a part of a document; bad input in it is said with its place. */
export function at<T>(document: StreamDocument, path: readonly PropertyKey[], action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof SealosError)) throw error;
    throw badInput(error.code, `${document.where(path)}: ${error.message}`, error.hint);
  }
}

function lineOf(document: Document, path: readonly PropertyKey[], lines: LineCounter): number {
  for (let length = path.length; length >= 0; length--) {
    const node = length === 0 ? document.contents : document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
  }
  return 1;
}
