import { type Budget, type Dict, dict, isDict, readYaml, type Value } from '@sealos/template';
import { badInput } from '../../error.ts';
import { decodeText } from '../text-file.ts';
import { type ChartFiles, filesOfBytes, type ReadLimit } from './chart-files.ts';
import { type Dependency, dependenciesOf } from './dependencies.ts';

/** A chart as it is on the disk, with the charts that it carries. */
export interface Chart {
  readonly name: string;
  /** Chart.yaml, its keys as they are written. */
  readonly metadata: Dict;
  readonly isLibrary: boolean;
  /** values.yaml. */
  readonly values: Dict;
  readonly dependencies: readonly Dependency[];
  /** Below `templates/`, by path. */
  readonly templates: ReadonlyMap<string, string>;
  /** What templates see as `.Files`. */
  readonly files: ChartFiles;
  readonly charts: readonly Chart[];
}

/** Makes a chart of its files. Throws `bad-chart` (exit 2), and what unpacking the charts in it throws. */
export async function readChart(files: ChartFiles, limit: ReadLimit, budget: Budget, depth = 0): Promise<Chart> {
  const metadata = yamlFile(files, 'Chart.yaml', budget);
  if (metadata === undefined) throw badInput('bad-chart', 'it has no Chart.yaml');
  const name = metadata.entries.get('name');
  if (typeof name !== 'string' || name === '') throw badInput('bad-chart', 'its Chart.yaml has no name');
  const templates = new Map<string, string>();
  const rest = new Map<string, Buffer>();
  for (const [path, bytes] of files) {
    if (path.startsWith('templates/')) templates.set(path, decodeText(bytes));
    else if (!/^(?:charts\/|Chart\.(?:yaml|lock)$|values\.(?:yaml|schema\.json)$|requirements\.)/.test(path)) rest.set(path, bytes);
  }
  return {
    name,
    metadata,
    isLibrary: metadata.entries.get('type') === 'library',
    values: yamlFile(files, 'values.yaml', budget) ?? dict(),
    dependencies: dependenciesOf(metadata, yamlFile(files, 'requirements.yaml', budget)),
    templates,
    files: rest,
    charts: await chartsIn(files, limit, budget, depth),
  };
}

/** The first document of a YAML file of the chart; undefined where there is none. */
export function parseValues(text: string, file: string, budget: Budget): Dict {
  let value: Value;
  try {
    value = readYaml(text, budget);
  } catch (error) {
    throw badInput('bad-chart', `${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (value === null) return dict();
  if (!isDict(value)) throw badInput('bad-chart', `${file} is not a map`);
  return value;
}

function yamlFile(files: ChartFiles, path: string, budget: Budget): Dict | undefined {
  const bytes = files.get(path);
  return bytes === undefined ? undefined : parseValues(decodeText(bytes), `its ${path}`, budget);
}

async function chartsIn(files: ChartFiles, limit: ReadLimit, budget: Budget, depth: number): Promise<readonly Chart[]> {
  const directories = new Map<string, Map<string, Buffer>>();
  const charts: Chart[] = [];
  for (const [path, bytes] of files) {
    const [, name, rest] = /^charts\/([^/]+)(?:\/(.+))?$/s.exec(path) ?? [];
    // Helm's rule for what is no chart.
    if (name === undefined || /^[._]/.test(name)) continue;
    if (depth >= limit.depth) throw badInput('bad-chart', `it has charts in charts, more than ${limit.depth} deep`);
    if (rest !== undefined) directories.set(name, (directories.get(name) ?? new Map<string, Buffer>()).set(rest, bytes));
    else if (name.endsWith('.tgz')) charts.push(await readChart(await filesOfBytes(bytes, limit), limit, budget, depth + 1));
  }
  for (const inner of directories.values()) {
    if (inner.has('Chart.yaml')) charts.push(await readChart(inner, limit, budget, depth + 1));
  }
  return charts;
}
