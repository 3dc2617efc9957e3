import { badInput } from '@sealos/image';
import { stringify } from 'yaml';
import type { Config } from './cluster.ts';
import { parseYamlStream } from './yaml-stream.ts';

type Tree = Readonly<Record<string, unknown>>;

/** The Configs that are meant for an image, in order: those that name it exactly, and those that name none. */
export function configsFor(configs: readonly Config[], imageName: string): readonly Config[] {
  return configs.filter(({ match }) => match === '' || match === imageName);
}

/**
 * A file of an image after a Config: `current` is its text, undefined where the image has no such file. `override` writes the Config's
 * data, `insert` puts it before, `append` after, `merge` lays it over every YAML document of the file (maps merge, all else is replaced).
 * Throws bad input where a merge meets what is not a map, or a map and something else.
 */
export function applyConfig(config: Config, current: string | undefined): string {
  const { strategy, data, path } = config;
  if (strategy === 'override' || current === undefined) return data;
  if (strategy === 'insert') return `${data}\n${current}`;
  if (strategy === 'append') return `${current}\n${data}`;
  const name = `Config ${config.name}`.trim();
  const [over, ...rest] = parseYamlStream(data, name);
  if (over === undefined || rest.length > 0) throw badInput('bad-config', `${name}: data to merge is one YAML map`);
  const documents = parseYamlStream(current, path);
  const trees = documents.length === 0 ? [{}] : documents.map(({ value }) => value);
  return trees.map((tree) => stringify(merge(tree, over.value, `${name}: ${path}`), { lineWidth: 0, compat: 'yaml-1.1' })).join('---\n');
}

function merge(base: Tree, over: Tree, where: string): Tree {
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const old = merged[key];
    const known = old !== undefined && old !== null && value !== null;
    if (known && isTree(old) !== isTree(value))
      throw badInput('bad-config', `${where}: '${key}' is ${isTree(old) ? '' : 'not '}a map in the image, and the data says otherwise`);
    merged[key] = isTree(old) && isTree(value) ? merge(old, value, where) : value;
  }
  return merged;
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
