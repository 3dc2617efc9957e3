import { type Dict, dict, isDict, isList, list, type Value } from '@sealos/template';
import type { Chart } from './chart.ts';
import { type CarriedChart, carriedCharts, isEnabled, valueAtPath } from './dependencies.ts';

/** A chart with its values, as its templates see them. */
export interface ValuedChart {
  readonly chart: Chart;
  readonly values: Dict;
  readonly charts: readonly ValuedChart[];
  /** Charts that it needs and does not carry. */
  readonly missing: readonly string[];
}

/**
 * Gives a chart and those that it carries their values, as Helm does: the user's over the chart's own, the parent's section of a chart's
 * name over that chart's own, `global` for all, null takes a value away. `tags` switch charts on at any depth, and are the outermost's.
 */
export function withValues(chart: Chart, given: Dict, tags?: Value): ValuedChart {
  const carried = carriedCharts(chart);
  // Conditions look at the values with all charts' defaults in them.
  const before = coalesced(
    chart,
    copy(given),
    carried.map((one) => one.chart),
  );
  const allTags = tags ?? before.entries.get('tags');
  const charts = carried.filter(({ dependency }) => dependency === undefined || isEnabled(dependency, before, allTags));
  const base = imported(chart, charts, before, allTags);
  const values = overlaid(copy(given), base);
  const valued = charts.map(({ chart: one }) => {
    const inner = withValues(one, shared(values, one.name), allTags);
    // One object, as in Helm: what a template sets in a chart's values its parent sees.
    values.entries.set(one.name, inner.values);
    return inner;
  });
  dropNulls(values, base);
  const missing = chart.dependencies
    .filter((one) => isEnabled(one, before, allTags) && chart.charts.every(({ name }) => name !== one.name))
    .map(({ name }) => name);
  return { chart, values, charts: valued, missing };
}

/** The values with the defaults of all charts in it, whether they are switched on or not. */
function coalesced(chart: Chart, given: Dict, charts: readonly Chart[]): Dict {
  overlaid(given, chart.values);
  for (const inner of charts) given.entries.set(inner.name, coalesced(inner, shared(given, inner.name), inner.charts));
  return given;
}

/** A chart's section of its parent's values, with the parent's globals. */
function shared(parent: Dict, name: string): Dict {
  const own = copy(section(parent, name));
  shareGlobals(own, parent);
  return own;
}

/** Adds what `into` lacks; a null in it means that there shall be nothing, and stays until all defaults were added. */
function overlaid(into: Dict, defaults: Dict): Dict {
  for (const [key, value] of defaults.entries) {
    const known = into.entries.get(key);
    if (!into.entries.has(key)) into.entries.set(key, copyValue(value));
    else if (isDict(known) && isDict(value)) overlaid(known, value);
  }
  return into;
}

function dropNulls(values: Dict, defaults: Dict): void {
  for (const [key, value] of defaults.entries) {
    const known = values.entries.get(key);
    if (known === null && value !== null) values.entries.delete(key);
    else if (isDict(known) && isDict(value)) dropNulls(known, value);
  }
}

/** The parent's globals are over the chart's own. */
function shareGlobals(own: Dict, parent: Dict): void {
  const globals = copy(section(own, 'global'));
  for (const [key, value] of section(parent, 'global').entries) {
    const known = globals.entries.get(key);
    // A map and something else: the chart's own stays.
    if (globals.entries.has(key) && isDict(known) !== isDict(value)) continue;
    const shared = copyValue(value);
    if (isDict(shared) && isDict(known)) overlaid(shared, known);
    globals.entries.set(key, shared);
  }
  own.entries.set('global', globals);
}

function section(values: Dict, name: string): Dict {
  const value = values.entries.get(name);
  return isDict(value) ? value : dict();
}

/** The chart's own values with what it takes over from those that it carries (`import-values`). */
function imported(chart: Chart, charts: readonly CarriedChart[], values: Dict, tags: Value): Dict {
  const base = copy(chart.values);
  for (const { chart: inner, dependency } of charts) {
    if (dependency === undefined || dependency.imports.length === 0) continue;
    // With what it takes over itself.
    const theirs = withValues(inner, shared(values, inner.name), tags).values;
    for (const { child, parent } of dependency.imports) {
      const taken = valueAtPath(theirs, child);
      if (isDict(taken)) overlaid(parent === '.' ? base : made(base, parent.split('.')), taken);
    }
  }
  return base;
}

function made(base: Dict, path: readonly string[]): Dict {
  let at = base;
  for (const key of path) {
    const next = section(at, key);
    at.entries.set(key, next);
    at = next;
  }
  return at;
}

function copy(values: Dict): Dict {
  return dict([...values.entries].map(([key, value]) => [key, copyValue(value)] as const));
}

function copyValue(value: Value): Value {
  if (isDict(value)) return copy(value);
  return isList(value) ? list(value.items.map(copyValue)) : value;
}
