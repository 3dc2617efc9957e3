import { badInput } from '@sealos/image';
import type { TemplateData } from '@sealos/template';
import { readText } from './read-text.ts';
import { parseSet, type Values, withAssignments } from './set-values.ts';
import { parsePlainYaml } from './yaml-stream.ts';

export interface ValuesSources {
  /** `--values`: paths, URLs or `-`, each a YAML map laid over the ones before. */
  readonly files: readonly string[];
  /** `--set`, laid over the files. */
  readonly set: readonly string[];
}

/** `.Values` from files and `--set`. Throws bad input that names the file or the key. */
export async function readValues({ files, set }: ValuesSources, signal: AbortSignal): Promise<Values> {
  let values: Values = new Map();
  for (const file of files) values = mergeValues(values, parseValues(await readText(file, { flag: '--values', signal }), file));
  return set.reduce((map, text) => withAssignments(map, parseSet(text)), values);
}

/** A values file: one YAML map, or nothing. `name` is shown in errors. */
export function parseValues(text: string, name: string): Values {
  const value = toData(parsePlainYaml(text, name));
  if (value === null) return new Map();
  if (value instanceof Map) return value;
  throw badInput('bad-values', `${name}: values are a YAML map`);
}

/** Maps merge, all else is replaced, as helm does with several values files. */
export function mergeValues(base: Values, over: Values): Values {
  const merged = new Map(base);
  for (const [key, value] of over) {
    const old = merged.get(key);
    merged.set(key, old instanceof Map && value instanceof Map ? mergeValues(old, value) : value);
  }
  return merged;
}

function toData(value: unknown): TemplateData {
  if (value instanceof Map) return new Map([...value].map(([key, one]): [string, TemplateData] => [String(key), toData(one)]));
  if (Array.isArray(value)) return value.map(toData);
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint') return value;
  return null;
}
