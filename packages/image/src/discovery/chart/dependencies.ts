import { type Dict, isDict, isList, type Value } from '@sealos/template';
import type { Chart } from './chart.ts';

/** What a chart says of a chart that it carries (Helm: `dependencies` of Chart.yaml, or of requirements.yaml in charts of its version 1). */
export interface Dependency {
  readonly name: string;
  readonly alias: string | undefined;
  /** Paths in the values, the first that has a truth value decides. */
  readonly condition: string | undefined;
  readonly tags: readonly string[];
  /** Values of the chart that its parent takes over. */
  readonly imports: readonly { readonly child: string; readonly parent: string }[];
}

export function dependenciesOf(metadata: Dict, requirements: Dict | undefined): readonly Dependency[] {
  const listed = metadata.entries.get('dependencies') ?? requirements?.entries.get('dependencies');
  if (!isList(listed)) return [];
  return listed.items.flatMap((item): Dependency[] => {
    if (!isDict(item)) return [];
    const text = (key: string) => {
      const value = item.entries.get(key);
      return typeof value === 'string' && value !== '' ? value : undefined;
    };
    const name = text('name');
    const tags = textsOf(item.entries.get('tags'));
    if (name === undefined) return [];
    return [{ name, alias: text('alias'), condition: text('condition'), tags, imports: importsOf(item.entries.get('import-values')) }];
  });
}

const textsOf = (value: Value) => (isList(value) ? value.items.filter((item): item is string => typeof item === 'string') : []);

function importsOf(value: Value): Dependency['imports'] {
  if (!isList(value)) return [];
  return value.items.flatMap((item) => {
    if (typeof item === 'string') return [{ child: `exports.${item}`, parent: '.' }];
    const [child, parent] = isDict(item) ? [item.entries.get('child'), item.entries.get('parent')] : [];
    return typeof child === 'string' && typeof parent === 'string' ? [{ child, parent }] : [];
  });
}

/** A chart under the name that its parent gives it; one that the parent does not list was put there by hand. */
export interface CarriedChart {
  readonly chart: Chart;
  readonly dependency: Dependency | undefined;
}

export function carriedCharts(chart: Chart): readonly CarriedChart[] {
  // Below a chart that lists none, Helm follows no lists: everything that is there counts.
  if (chart.dependencies.length === 0) return chart.charts.map((one) => ({ chart: { ...one, dependencies: [] }, dependency: undefined }));
  return chart.charts.flatMap((carried): readonly CarriedChart[] => {
    const entries = chart.dependencies.filter(({ name }) => name === carried.name);
    if (entries.length === 0) return [{ chart: carried, dependency: undefined }];
    return entries.map((dependency) => ({ chart: { ...carried, name: dependency.alias ?? carried.name }, dependency }));
  });
}

/** Whether these values, those of the parent, switch a chart on: its condition decides, else its tags, else it is. */
export function isEnabled({ condition, tags: names }: Dependency, values: Dict, tags: Value): boolean {
  for (const path of condition?.split(',') ?? []) {
    const value = valueAtPath(values, path.trim());
    if (typeof value === 'boolean') return value;
  }
  const states = isDict(tags) ? names.map((name) => tags.entries.get(name)).filter((state) => typeof state === 'boolean') : [];
  return states.length === 0 || states.includes(true);
}

/** The value under `a.b.c`. */
export function valueAtPath(values: Dict, path: string): Value {
  let value: Value = values;
  for (const key of path.split('.')) {
    if (!isDict(value)) return undefined;
    value = value.entries.get(key);
  }
  return value;
}
