import { basename, join, posix } from 'node:path';
import { createBudget, type Dict, dict } from '@sealos/template';
import { SealosError } from '../../error.ts';
import { childrenOf } from '../context-files.ts';
import { findInText } from '../find-in-text.ts';
import type { Mention } from '../mention.ts';
import { readTextFile } from '../text-file.ts';
import { type Chart, parseValues, readChart } from './chart.ts';
import { filesOfArchive, filesOfDirectory, readLimit } from './chart-files.ts';
import { partsOfHelm, renderWithHelm } from './helm-program.ts';
import { renderChart } from './render-chart.ts';
import { type ValuedChart, withValues } from './values.ts';
import { imagesOfValues } from './values-images.ts';

interface Found {
  readonly mentions: readonly Mention[];
  readonly warnings: readonly string[];
}

// Reading YAML: a few megabytes of values.
const YAML_WORK = 20_000_000;

/** The images of the charts under `charts/`: directories and `.tgz` files, with `charts/NAME.values.yaml` over their values. */
export async function readCharts(context: string, signal?: AbortSignal): Promise<Found> {
  const mentions: Mention[] = [];
  const warnings: string[] = [];
  for (const { name, path, isDirectory } of await childrenOf(context, 'charts')) {
    signal?.throwIfAborted();
    if (!isDirectory && !name.endsWith('.tgz')) continue;
    const place = `charts/${name}`;
    try {
      const limit = readLimit();
      const files = isDirectory ? await filesOfDirectory(context, place, limit) : await filesOfArchive(path, limit, signal);
      const chart = await readChart(files, limit, createBudget(YAML_WORK, YAML_WORK));
      const found = await imagesOf(chart, { context, place, path, signal });
      mentions.push(...found.mentions);
      warnings.push(...found.warnings);
    } catch (error) {
      if (signal?.aborted || !isUnreadable(error)) throw error;
      warnings.push(`${place}: no images are taken from this chart: ${error.message}`);
    }
  }
  return { mentions, warnings };
}

/** A chart may be anybody's: what is wrong with it is told, and the others are read. */
function isUnreadable(error: unknown): error is Error {
  return error instanceof SealosError || (error instanceof Error && ['LimitError', 'FunctionError', 'RangeError'].includes(error.name));
}

interface Placing {
  readonly context: string;
  /** The chart in the context: `charts/NAME`. */
  readonly place: string;
  readonly path: string;
  readonly signal: AbortSignal | undefined;
}

async function imagesOf(chart: Chart, placing: Placing): Promise<Found> {
  const { context, place, path, signal } = placing;
  if (chart.templates.size === 0 && chart.charts.length === 0 && chart.dependencies.length === 0) {
    return { mentions: [], warnings: [`${place}: this chart has no templates, so no images are taken from it`] };
  }
  const overlay = await valuesFile(context, [chart.name, basename(place).replace(/\.tgz$/, '')]);
  const helm = await renderWithHelm(path, overlay === undefined ? undefined : join(context, overlay.file), signal);
  if (helm !== undefined && 'text' in helm) {
    return { mentions: partsOfHelm(helm.text).flatMap(({ name, text }) => inRendered(text, name, chart, place)), warnings: [] };
  }
  const own = renderHere(chart, overlay, placing);
  if (helm === undefined) return own;
  return { ...own, warnings: [`${place}: helm cannot render it (${helm.failure}), so it is rendered without helm`, ...own.warnings] };
}

interface Overlay {
  /** Relative to the context. */
  readonly file: string;
  readonly values: Dict;
}

async function valuesFile(context: string, names: readonly string[]): Promise<Overlay | undefined> {
  for (const name of names) {
    const file = posix.join('charts', `${name}.values.yaml`);
    const text = await readTextFile(join(context, file)).catch(() => undefined);
    if (text !== undefined) return { file, values: parseValues(text, file, createBudget(YAML_WORK, YAML_WORK)) };
  }
  return undefined;
}

function renderHere(chart: Chart, overlay: Overlay | undefined, { place, signal }: Placing): Found {
  const mentions: Mention[] = [];
  const failed = new Set<string>();
  const valued = withValues(chart, overlay?.values ?? dict());
  const warnings = missingCharts(valued).map(
    (name) => `${place}: it needs the chart ${name}, which it does not carry (run 'helm dependency update'), so its images are not found`,
  );
  for (const { name, chart: owner, text, error } of renderChart(valued, signal)) {
    mentions.push(...inRendered(text, name, chart, place));
    if (error === undefined) continue;
    warnings.push(
      `${placeOf(name, chart, place)} cannot be rendered, the images of the chart's values are taken instead: ${error.message}`,
    );
    const path = name.slice(0, name.indexOf('/templates/'));
    if (!failed.has(path)) mentions.push(...imagesOfValues(owner, placeOf(`${path}/values.yaml`, chart, place)));
    failed.add(path);
  }
  return { mentions, warnings };
}

function missingCharts({ missing, charts }: ValuedChart): readonly string[] {
  return [...missing, ...charts.flatMap(missingCharts)];
}

/** In a text that a template made, lines say nothing to who looks for them in the template. */
function inRendered(text: string, name: string, chart: Chart, place: string): readonly Mention[] {
  const file = placeOf(name, chart, place);
  return findInText(text, file).map(({ text: found, certainty }) => ({ text: found, file, certainty }));
}

/** Templates' names begin with the chart's own, whatever its directory is called. */
function placeOf(name: string, chart: Chart, place: string): string {
  return name.startsWith(`${chart.name}/`) ? `${place}${name.slice(chart.name.length)}` : place;
}
