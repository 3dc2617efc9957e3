import { spawn } from 'node:child_process';
import { RELEASE } from './chart-data.ts';

/** What Helm printed, or why it did not; undefined where Helm is not installed. */
export type HelmResult = { readonly text: string } | { readonly failure: string } | undefined;

const TIMEOUT = 120_000;
const OUTPUT_LIMIT = 64 * 1024 * 1024;

/** Renders a chart with the machine's own `helm`, when there is one on PATH. It asks no cluster and no network. */
export function renderWithHelm(chart: string, valuesFile: string | undefined, signal?: AbortSignal): Promise<HelmResult> {
  const values = valuesFile === undefined ? [] : ['--values', valuesFile];
  return new Promise((resolve, reject) => {
    const child = spawn('helm', ['template', RELEASE, chart, ...values], { stdio: ['ignore', 'pipe', 'pipe'], signal, timeout: TIMEOUT });
    const output: Buffer[] = [];
    let size = 0;
    let complaint = '';
    child.stdout.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= OUTPUT_LIMIT) output.push(chunk);
      else child.kill('SIGKILL');
    });
    child.stderr.on('data', (chunk: Buffer) => {
      complaint = `${complaint}${chunk.toString()}`.slice(-4000);
    });
    child.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'EACCES') resolve(undefined);
      else reject(error);
    });
    child.once('close', (status) => {
      if (signal?.aborted) return;
      if (size > OUTPUT_LIMIT) resolve({ failure: 'it printed more than 64 MiB' });
      else if (status === 0) resolve({ text: Buffer.concat(output).toString() });
      else resolve({ failure: lastLine(complaint) ?? (status === null ? 'it took too long' : `exit status ${status}`) });
    });
  });
}

function lastLine(text: string): string | undefined {
  return text
    .split('\n')
    .map((line) => line.trim())
    .findLast((line) => line !== '' && !/^Use --debug/.test(line));
}

/** The parts of what `helm template` prints, by the template that each comes from. */
export function partsOfHelm(text: string): readonly { readonly name: string; readonly text: string }[] {
  return text.split(/^---\s*$/m).map((part) => ({ name: /^# Source: (\S+)/m.exec(part)?.[1] ?? '', text: part }));
}
