// `npm run test:compat`: runs the compatibility tests and those elsewhere that prove a case, and writes docs/compatibility.md from the
// results. Ends with 1 where a promise is not proven.
import { globSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { run } from 'node:test';
import type { TestEvent } from 'node:test/reporters';
import { buildClusterImages } from '../../scripts/cluster-images.ts';
import report from '../../scripts/test-reporter.ts';
import { BUILT_IMAGES } from './lab-cluster.ts';
import { promises } from './proofs.ts';
import { formatPage, prove, type Ran } from './table.ts';

const root = dirname(dirname(import.meta.dirname));
process.chdir(root);
const page = join(root, 'docs', 'compatibility.md');
const results: Ran[] = [];

async function* collect(source: AsyncIterable<TestEvent>): AsyncGenerator<TestEvent> {
  for await (const event of source) {
    if (event.type === 'test:pass' || event.type === 'test:fail') {
      const { file, name, skip, todo } = event.data;
      const passed = event.type === 'test:pass' && skip === undefined && todo === undefined;
      if (file !== undefined) results.push({ file: relative(root, file), name, passed });
    }
    yield event;
  }
}

async function runFiles(files: readonly string[], concurrency: number, names: readonly string[] = []): Promise<void> {
  const patterns = names.map((name) => new RegExp(`^${RegExp.escape(name)}$`));
  const stream = run({ files: [...files], concurrency, ...(patterns.length > 0 && { testNamePatterns: patterns }) });
  for await (const text of report(collect(stream))) process.stdout.write(text);
}

const ownFiles = globSync('test/compat/**/*.test.ts').sort();
const elsewhere = promises.flatMap(({ tests }) => tests).filter(([file]) => !ownFiles.includes(file));
await runFiles([...new Set(elsewhere.map(([file]) => file))], 2, [...new Set(elsewhere.map(([, name]) => name))]);
const images = mkdtempSync(join(tmpdir(), 'sealos-compat-images-'));
try {
  // Once for all files; one cluster at a time.
  await buildClusterImages({ storage: images, onLine: () => {} });
  process.env[BUILT_IMAGES] = images;
  await runFiles(ownFiles, 1);
} finally {
  rmSync(images, { recursive: true });
}

const proven = promises.map((promised) => prove(promised, results));
const text = formatPage(proven);
if (readFileSync(page, { encoding: 'utf8', flag: 'a+' }) !== text) {
  writeFileSync(`${page}.new`, text);
  renameSync(`${page}.new`, page);
}
const failed = proven.filter(({ passed }) => !passed);
for (const { promised, missing } of failed) {
  console.log(
    `not proven: ${promised.kind} ${promised.number} (${promised.about})${missing.map((name) => `\n  no such test: ${name}`).join('')}`,
  );
}
console.log(`${proven.length - failed.length} of ${proven.length} promises are kept; docs/compatibility.md says by which tests`);
process.exitCode = failed.length === 0 && results.every(({ passed }) => passed) ? 0 : 1;
