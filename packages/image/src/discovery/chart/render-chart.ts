import { type Dict, dict, parseTemplateSet, TemplateError } from '@sealos/template';
import { dataOf } from './chart-data.ts';
import { chartFunctions } from './chart-functions.ts';
import type { ValuedChart } from './values.ts';

/** One template of a chart, rendered; or why it was not. */
export interface RenderedTemplate {
  /** `CHART/templates/…`, as Helm names it. */
  readonly name: string;
  readonly chart: ValuedChart;
  readonly text: string;
  readonly error?: TemplateError;
}

/** For a whole chart: some seconds of work, and a few times the output of the largest. A hostile one ends there. */
const LIMITS = { maxWork: 60_000_000, maxOutput: 16 * 1024 * 1024 };

interface Placed {
  readonly chart: ValuedChart;
  readonly data: Dict;
  readonly basePath: string;
}

/** Renders all templates of a chart and of those that it carries, each on its own: what fails does not keep the others from it. */
export function renderChart(root: ValuedChart, signal?: AbortSignal): readonly RenderedTemplate[] {
  const texts = new Map<string, string>();
  const places = new Map<string, Placed>();
  place(root, root.chart.name, dataOf(root, true), texts, places);
  // Helm's order, for parsing and rendering: what lies deeper first, so that a parent's definitions are over those of the charts in it.
  const depth = (name: string) => name.split('/').length;
  const sorted = new Map([...texts].sort(([a], [b]) => depth(b) - depth(a) || (a < b ? 1 : -1)));
  const set = parseTemplateSet(sorted, chartFunctions);
  const run = set.start(LIMITS);
  const rendered: RenderedTemplate[] = [];
  for (const name of sorted.keys()) {
    signal?.throwIfAborted();
    const placed = places.get(name);
    if (placed === undefined) continue;
    const { chart, data, basePath } = placed;
    const failure = set.failures.get(name);
    if (!isRendered(name, chart)) {
      if (failure !== undefined) rendered.push({ name, chart, text: '', error: failure });
      continue;
    }
    try {
      if (failure !== undefined) throw failure;
      data.entries.set(
        'Template',
        dict([
          ['Name', name],
          ['BasePath', basePath],
        ]),
      );
      rendered.push({ name, chart, text: run.render(name, data).replaceAll('<no value>', '') });
    } catch (error) {
      if (!(error instanceof TemplateError)) throw error;
      rendered.push({ name, chart, text: '', error });
      if (error.code === 'TEMPLATE_LIMIT') return rendered;
    }
  }
  return rendered;
}

function place(chart: ValuedChart, path: string, data: Dict, texts: Map<string, string>, places: Map<string, Placed>): void {
  const basePath = `${path}/templates`;
  for (const [file, text] of chart.chart.templates) {
    texts.set(`${path}/${file}`, text);
    places.set(`${path}/${file}`, { chart, data, basePath });
  }
  for (const inner of chart.charts) place(inner, `${path}/charts/${inner.chart.name}`, dataOf(inner, false), texts, places);
}

/** Partials define what others include; notes are for people; a library has nothing of its own. */
function isRendered(name: string, { chart }: ValuedChart): boolean {
  const file = name.slice(name.lastIndexOf('/') + 1);
  return !file.startsWith('_') && file !== 'NOTES.txt' && !chart.isLibrary;
}
