import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Measurement {
  readonly seconds: number;
  /** The largest resident set of any process of the command, in MB. */
  readonly megabytes: number;
}

/** Runs a command to its end and measures it with GNU time. Throws with the command's output when it fails. */
export async function measure(
  command: readonly string[],
  options: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<Measurement> {
  const directory = mkdtempSync(join(tmpdir(), 'sealos-bench-'));
  const report = join(directory, 'time');
  try {
    const output = await new Promise<{ status: number | null; text: string }>((resolve, reject) => {
      const child = spawn('/usr/bin/time', ['-f', '%e %M', '-o', report, ...command], {
        ...options,
        env: { ...process.env, ...options.env },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let text = '';
      const keep = (chunk: Buffer) => {
        text = (text + chunk.toString()).slice(-4000);
      };
      child.stdout.on('data', keep);
      child.stderr.on('data', keep);
      child.on('error', reject);
      child.on('close', (status) => resolve({ status, text }));
    });
    if (output.status !== 0) throw new Error(`${command.join(' ')} failed (exit status ${output.status}):\n${output.text}`);
    const [seconds = '0', kilobytes = '0'] = readFileSync(report, 'utf8').trim().split('\n').at(-1)?.split(' ') ?? [];
    return { seconds: Number(seconds), megabytes: Number(kilobytes) / 1024 };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
