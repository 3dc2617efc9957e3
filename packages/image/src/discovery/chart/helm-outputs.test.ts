import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createBudget } from '@sealos/template';
import { parse } from 'yaml';
import { parseValues, readChart } from './chart.ts';
import { readLimit } from './chart-files.ts';
import { renderChart } from './render-chart.ts';
import { withValues } from './values.ts';

interface Case {
  readonly files: Readonly<Record<string, string>>;
  readonly values: string;
  readonly rendered: Readonly<Record<string, string>>;
}

const withoutBlanks = (text: string) =>
  text
    .split('\n')
    .map((line) => line.trimEnd())
    .filter((line) => line !== '')
    .join('\n');

test('generated charts give what Helm itself made of them', async () => {
  const cases: readonly Case[] = parse(readFileSync(join(import.meta.dirname, 'helm-outputs.yaml'), 'utf8'));
  assert.ok(cases.length >= 3);
  for (const { files, values, rendered } of cases) {
    const budget = createBudget(10_000_000, 10_000_000);
    const bytes = new Map(Object.entries(files).map(([path, text]) => [path, Buffer.from(text)]));
    const chart = await readChart(bytes, readLimit(), budget);
    const ours = renderChart(withValues(chart, parseValues(values, 'values', budget)));
    assert.deepEqual(
      ours.filter(({ error }) => error !== undefined),
      [],
    );
    const texts = Object.fromEntries(ours.map(({ name, text }) => [name, withoutBlanks(text)]).filter(([, text]) => text !== ''));
    assert.deepEqual(texts, rendered);
  }
});
