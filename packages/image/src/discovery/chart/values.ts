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
  const inner = charts.map((one) => one.chart);
  const base = imported(chart, charts, before);
  const values = coalesced({ ...chart, values: base }, copy(given), inner);
  const valued = inner.map((one) => withValues(one, section(values, one.name), allTags));
  dropNulls(values, base);
  const missing = chart.dependencies
    .filter((one) => isEnabled(one, before, allTags) && chart.charts.every(({ name }) => name !== one.name))
    .map(({ name }) => name);
  return { chart, values, charts: valued, missing };
}

function coalesced(chart: Chart, given: Dict, charts: readonly Chart[]): Dict {
  overlay(given, chart.values);
  for (const inner of charts) {
    const own = section(given, inner.name);
    given.entries.set(inner.name, own);
    shareGlobals(own, given);
    coalesced(inner, own, inner.charts);
  }
  return given;
}

/** Adds what `into` lacks; a null in it means that there shall be nothing, and stays until all defaults were added. */
function overlay(into: Dict, defaults: Dict): void {
  for (const [key, value] of defaults.entries) {
    const known = into.entries.get(key);
    if (!into.entries.has(key)) into.entries.set(key, copyValue(value));
    else if (isDict(known) && isDict(value)) overlay(known, value);
  }
}

function dropNulls(values: Dict, defaults: Dict): void {
  for (const [key, value] of defaults.entries) {
    const known = values.entries.get(key);
    if (known === null) values.entries.delete(key);
    else if (isDict(known) && isDict(value)) dropNulls(known, value);
  }
}

/** The parent's globals are over the chart's own. */
function shareGlobals(own: Dict, parent: Dict): void {
  const globals = copy(section(parent, 'global'));
  overlay(globals, section(own, 'global'));
  own.entries.set('global', globals);
}

function section(values: Dict, name: string): Dict {
  const value = values.entries.get(name);
  return isDict(value) ? value : dict();
}

/** The chart's own values with what it takes over from those that it carries (`import-values`). */
function imported(chart: Chart, charts: readonly CarriedChart[], values: Dict): Dict {
  const base = copy(chart.values);
  for (const { chart: inner, dependency } of charts) {
    for (const { child, parent } of dependency?.imports ?? []) {
      const taken = valueAtPath(section(values, inner.name), child);
      if (isDict(taken)) overlay(parent === '.' ? base : made(base, parent.split('.')), taken);
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
