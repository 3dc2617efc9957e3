// The page that tells how fast it is: between two lines for each part stands what the program writes.
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { dirname, join } from 'node:path';

const page = join(dirname(dirname(import.meta.dirname)), 'docs', 'benchmarks.md');

/** The page's text with one part replaced; undefined when it has no place for this part. */
export function withPart(text: string, part: string, lines: readonly string[]): string | undefined {
  const begin = `<!-- ${part}: written by npm run bench -->`;
  const from = text.indexOf(begin);
  const to = text.indexOf(`<!-- the end of ${part} -->`);
  if (from < 0 || to < from) return undefined;
  return `${text.slice(0, from + begin.length)}\n\n${lines.join('\n')}\n\n${text.slice(to)}`;
}

/** Writes a part into the page, where the page has a place for it, with when and on what it was measured. */
export function writePart(part: string, lines: readonly string[], begun: Date): void {
  const when = `${begun.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
  const machine = `${cpus().length} × ${cpus()[0]?.model.trim() ?? 'processor'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}`;
  const text = withPart(readFileSync(page, 'utf8'), part, [`Measured ${when} on ${machine}.`, '', ...lines]);
  if (text !== undefined) writeFileSync(page, text);
}
