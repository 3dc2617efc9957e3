import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { LabError } from './error.ts';

export interface CommandOptions {
  readonly signal?: AbortSignal | undefined;
  /** Written to standard input; where secrets go, which have no place in the arguments. */
  readonly input?: string | undefined;
  readonly env?: NodeJS.ProcessEnv | undefined;
  /** Each line of standard output and standard error, as it comes. */
  readonly onLine?: ((line: string) => void) | undefined;
}

export interface CommandResult {
  /** 128 + the signal's number is not told apart: a command ended by a signal has status 1. */
  readonly status: number;
  readonly stdout: string;
  /** The last lines of both outputs, for a message. */
  readonly tail: string;
}

const TAIL_LINES = 12;

/** Where programs are looked for: PATH, and the directories of system programs, which root's PATH lacks after a plain `su`. */
export const searchPath: string = [process.env['PATH'], '/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/bin', '/bin']
  .filter(Boolean)
  .join(':');

/**
 * Runs a program to its end, whatever its exit status. The kernel kills it when this process dies (PDEATHSIG), so that a crash leaves no
 * program at work; an abort kills it and throws the signal's reason.
 */
export async function tryCommand(argv: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  options.signal?.throwIfAborted();
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', ...argv], {
    env: { ...process.env, PATH: searchPath, LC_ALL: 'C', ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const kill = () => child.kill('SIGKILL');
  options.signal?.addEventListener('abort', kill, { once: true });
  try {
    const ended = new Promise<number>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code) => resolve(code ?? 1));
    });
    child.stdin.on('error', () => {}); // a program that ends without reading its input tells why by its status
    child.stdin.end(options.input ?? '');
    const stdout: string[] = [];
    const tail: string[] = [];
    const take = (line: string) => {
      tail.push(line);
      if (tail.length > TAIL_LINES) tail.shift();
      options.onLine?.(line);
    };
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (options.onLine === undefined) stdout.push(line);
      take(line);
    });
    createInterface({ input: child.stderr }).on('line', take);
    const status = await ended.catch((cause: unknown) => {
      throw new LabError('tool-missing', `setpriv cannot be started: ${cause instanceof Error ? cause.message : cause}`, {
        hint: 'install the package util-linux',
        cause,
      });
    });
    options.signal?.throwIfAborted();
    return { status, stdout: stdout.join('\n'), tail: tail.join('\n') };
  } finally {
    options.signal?.removeEventListener('abort', kill);
  }
}

/** Runs a program to its end; returns its standard output, lines without the last newline. Throws `lab-command-failed` with its last lines. */
export async function runCommand(argv: readonly string[], options: CommandOptions = {}): Promise<string> {
  const result = await tryCommand(argv, options);
  if (result.status === 0) return result.stdout;
  throw new LabError(
    'lab-command-failed',
    `${argv.slice(0, 3).join(' ')} failed (exit status ${result.status}): ${result.tail || 'no output'}`,
  );
}
