import { type Dict, isDict, isList, type Value } from '@sealos/template';
import { findInTree } from '../find-in-tree.ts';
import type { Mention } from '../mention.ts';
import type { MapTree, Tree } from '../tree.ts';
import type { ValuedChart } from './values.ts';

/**
 * The images that a chart's values name, for a chart whose templates could not be rendered: `repository` with `tag`, or with the chart's
 * appVersion where there is none, from `global.imageRegistry` where that is set. Sections that are switched off are left out. All guesses.
 */
export function imagesOfValues({ chart, values }: ValuedChart, file: string): readonly Mention[] {
  const version = chart.metadata.entries.get('appVersion');
  const global = values.entries.get('global');
  const registry = isDict(global) ? global.entries.get('imageRegistry') : undefined;
  const filling = { version: textOf(version), registry: textOf(registry) };
  const tree = toTree(values, filling);
  return tree === undefined ? [] : findInTree(tree, file).map(({ text }) => ({ text, file, certainty: 'seeming' }));
}

interface Filling {
  readonly version: string | undefined;
  readonly registry: string | undefined;
}

function textOf(value: Value): string | undefined {
  if (typeof value === 'string') return value === '' ? undefined : value;
  return typeof value === 'number' ? String(value) : undefined;
}

function toTree(value: Value, filling: Filling): Tree | undefined {
  if (isDict(value)) return mapTree(value, filling);
  if (isList(value)) return { kind: 'list', items: value.items.flatMap((item) => toTree(item, filling) ?? []) };
  const text = textOf(value);
  return text === undefined ? undefined : { kind: 'text', line: 1, firstLine: 1, text };
}

function mapTree(map: Dict, filling: Filling): MapTree {
  const entries: (readonly [string, Tree])[] = [];
  for (const [key, value] of map.entries) {
    if (isDict(value) && value.entries.get('enabled') === false) continue;
    const tree = toTree(value, filling);
    if (tree !== undefined) entries.push([key, tree]);
  }
  const has = (key: string) => textOf(map.entries.get(key)) !== undefined;
  const add = (key: string, text: string) => entries.push([key, { kind: 'text', line: 1, firstLine: 1, text }]);
  if (typeof map.entries.get('repository') === 'string') {
    if (!has('tag') && !has('digest') && filling.version !== undefined) add('tag', filling.version);
    if (filling.registry !== undefined) add('registry', filling.registry);
  }
  return { kind: 'map', entries };
}
