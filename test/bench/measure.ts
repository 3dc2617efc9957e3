import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Measurement {
  readonly seconds: number;
  /** Of all processors together, the command's own and the kernel's for it. */
  readonly cpuSeconds: number;
  /** The largest resident set of any process of the command, in MB (10^6 bytes). */
  readonly megabytes: number;
}

export interface MeasureOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Ends the command, with all that it started. */
  readonly signal?: AbortSignal | undefined;
}

/** Runs a command to its end and measures it with GNU time. Throws with the command's output when it fails. */
export async function measure(command: readonly string[], { cwd, env, signal }: MeasureOptions = {}): Promise<Measurement> {
  signal?.throwIfAborted();
  const directory = mkdtempSync(join(tmpdir(), 'sealos-bench-'));
  const report = join(directory, 'time');
  try {
    const started = performance.now();
    const output = await new Promise<{ readonly status: number | null; readonly text: string; readonly seconds: number }>(
      (resolve, reject) => {
        // In a process group of its own, so that it can be ended whole.
        const child = spawn('/usr/bin/time', ['-f', '%U %S %M', '-o', report, ...command], {
          ...(cwd === undefined ? {} : { cwd }),
          env: { ...process.env, ...env },
          stdio: ['ignore', 'pipe', 'pipe'],
          detached: true,
        });
        const stop = () => {
          if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGKILL');
        };
        signal?.addEventListener('abort', stop, { once: true });
        let text = '';
        let seconds = 0;
        const keep = (chunk: Buffer) => {
          text = (text + chunk.toString()).slice(-4000);
        };
        child.stdout.on('data', keep);
        child.stderr.on('data', keep);
        child.on('error', reject);
        child.on('exit', () => {
          seconds = (performance.now() - started) / 1000;
        });
        child.on('close', (status) => {
          signal?.removeEventListener('abort', stop);
          resolve({ status, text, seconds });
        });
      },
    );
    signal?.throwIfAborted();
    if (output.status !== 0) throw new Error(`${command.join(' ')} failed (exit status ${output.status}):\n${output.text}`);
    const [user = 0, system = 0, kibibytes = 0] = (readFileSync(report, 'utf8').trim().split('\n').at(-1) ?? '').split(' ').map(Number);
    return { seconds: output.seconds, cpuSeconds: user + system, megabytes: (kibibytes * 1024) / 1e6 };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** One after the other. */
export function together(...parts: readonly Measurement[]): Measurement {
  const sum = (of: (part: Measurement) => number) => parts.reduce((total, part) => total + of(part), 0);
  return {
    seconds: sum(({ seconds }) => seconds),
    cpuSeconds: sum(({ cpuSeconds }) => cpuSeconds),
    megabytes: Math.max(...parts.map(({ megabytes }) => megabytes)),
  };
}

/** The one with the median time, of an even number the quicker of the two in the middle. */
export function median(measurements: readonly Measurement[]): Measurement {
  const sorted = [...measurements].sort((a, b) => a.seconds - b.seconds);
  const middle = sorted[Math.floor((sorted.length - 1) / 2)];
  if (middle === undefined) throw new Error('nothing was measured');
  return { ...middle, megabytes: Math.max(...sorted.map(({ megabytes }) => megabytes)) };
}
