// `npm run bench`: the image commands beside buildah and skopeo at three sizes, templates beside Go's engine, then `run` of 1+1 and of 3+1 hosts beside
// bare kubeadm. `-- images [MEGABYTES…]`, `-- templates` or `-- run` alone; `--json` prints what was measured of the images as one document. docs/benchmarks.md is rewritten.
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({ allowPositionals: true, options: { json: { type: 'boolean', default: false } } });
const [part, ...words] = positionals;
const sizes = words.length === 0 ? [1, 450, 4000] : words.map(Number);
if (![undefined, 'images', 'templates', 'run'].includes(part) || sizes.some((size) => !Number.isInteger(size) || size < 1)) {
  console.error('usage: npm run bench -- [images [MEGABYTES...] | templates | run] [--json]');
  process.exit(2);
}
const interrupt = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => interrupt.abort(new Error(`got ${name}`)));
const say = values.json ? console.error : console.log;

try {
  if (part === undefined || part === 'images') {
    const { benchImages } = await import('./images.ts');
    const { writePart } = await import('./page.ts');
    const { tableLines } = await import('./row.ts');
    const results = [];
    for (const size of sizes) {
      const begun = new Date();
      const result = await benchImages(size, interrupt.signal, say);
      results.push({ ...result, begun });
      const rounds = result.rounds === 1 ? 'one round' : `the median of ${result.rounds} rounds`;
      const lines = [`A context of ${size} MB, ${rounds}, beside ${result.peers}:`, '', ...tableLines(result.rows)];
      say(`\n${lines.join('\n')}\n`);
      writePart(`images of ${size} MB`, lines, begun);
    }
    if (values.json) console.log(JSON.stringify(results, undefined, 2));
  }
  if (part === undefined || part === 'templates') await (await import('./templates.ts')).benchTemplates(say);
  if (part === undefined || part === 'run') {
    const { benchRun, shapes } = await import('./run.ts');
    for (const shape of shapes) await benchRun(shape, say);
  }
} catch (error) {
  if (!interrupt.signal.aborted) throw error;
  console.error('bench: interrupted; what it made is removed');
  process.exitCode = 130;
}
