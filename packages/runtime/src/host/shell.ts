import { randomBytes } from 'node:crypto';
import { connectionLost, HostError } from '../error.ts';
import { blot } from './blot.ts';
import type { Output, RunOptions } from './host.ts';
import type { Script } from './script.ts';
import { SILENCE_STATUS, shellLoop } from './shell-loop.ts';
import { Collector } from './shell-output.ts';
import { type Identity, OPENING, type RunningBash, startBash } from './start-bash.ts';
import type { Transport } from './transport.ts';

const MAX_STDOUT = 16 * 1024 * 1024;
const KEPT_STDERR = 64 * 1024;
const SHOWN_LINES = 15;
/** How long a command that was told to end may take before the connection is given up, in milliseconds; the loop itself takes 3 s. */
const GRACE = 10_000;
/** How often the loop is told that its operator is there, in milliseconds, and after how many seconds without that it gives up. */
const BEAT = 10_000;
const SILENCE = 60;

interface Running {
  readonly title: string;
  readonly stdout: Collector;
  readonly stderr: Collector;
  readonly resolve: (status: number) => void;
  readonly reject: (error: unknown) => void;
}

type Cancelled = 'abort' | 'timeout' | 'too-much-output';

/**
 * A bash on a host that runs one script after another (shell-loop.ts is its other side). What a script leaves running in the background
 * goes on, but still writes where later scripts write: a service that is to stay is started with its output redirected, by setsid or
 * systemd.
 */
export class Shell {
  readonly #name: string;
  readonly #transport: Transport;
  readonly #nonce = `sealos-${randomBytes(12).toString('hex')}`;
  /** A directory on the host for files of a moment, not there until it is made. The loop removes it when it ends. */
  readonly temporary = `/var/tmp/${this.#nonce}`;
  #beat: NodeJS.Timeout | undefined;
  #lostWhy: string | undefined;
  #bash: RunningBash | undefined;
  #count = 0;
  #running: Running | undefined;
  #queue: Promise<unknown> = Promise.resolve();

  private constructor(name: string, transport: Transport) {
    this.#name = name;
    this.#transport = transport;
  }

  /** Starts the loop as root. Throws HostError (exit 2) when the user may not become root, or there is no bash. */
  static async open(transport: Transport, identity: Identity, signal?: AbortSignal): Promise<Shell> {
    const shell = new Shell(identity.name, transport);
    const program = shellLoop(shell.#nonce, { silence: SILENCE, temporary: shell.temporary });
    const bash = await startBash(transport, identity, program, {
      title: OPENING,
      onStdout: (chunk) => shell.#take('stdout', chunk),
      onStderr: (chunk) => shell.#take('stderr', chunk),
      signal,
    });
    shell.#bash = bash;
    void bash.exit.then((status) => shell.#lost(status));
    shell.#beat = setInterval(() => bash.stdin.write(shell.#running ? 'beat\n' : '\0'), BEAT).unref();
    return shell;
  }

  /** Runs a script when those before it are done. Throws HostError, or the signal's reason once nothing of the script runs any more. */
  run(script: Script, options: RunOptions): Promise<Output> {
    const { signal } = options;
    let started = false;
    const result = this.#queue.then(() => {
      started = true;
      return this.#run(script, options);
    });
    this.#queue = result.catch(() => {});
    if (!signal) return result;
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        if (!started) reject(signal.reason);
      };
      signal.addEventListener('abort', onAbort, { once: true });
      result.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
    });
  }

  /** Ends the loop, and a script that still runs. */
  end(): void {
    clearInterval(this.#beat);
    this.#bash?.end();
  }

  async #run(script: Script, options: RunOptions): Promise<Output> {
    const { signal, timeout, title } = options;
    signal?.throwIfAborted();
    if (script.text.includes('\0')) throw new TypeError(`the script of '${title}' holds a NUL character`);
    const bash = this.#bash;
    if (bash === undefined) throw connectionLost(this.#name, title, this.#lostWhy);
    let cancelled: Cancelled | undefined;
    let grace: NodeJS.Timeout | undefined;
    const cancel = (why: Cancelled) => {
      if (cancelled) return;
      cancelled = why;
      bash.stdin.write('cancel\n');
      const asked = why === 'timeout' ? `it was to end after ${Math.round((timeout ?? 0) / 1000)} s` : 'it was told to end';
      grace = setTimeout(() => this.#transport.destroy(`${asked}, and the host did not answer`), GRACE);
    };
    const onAbort = () => cancel('abort');
    const timer = timeout === undefined ? undefined : setTimeout(() => cancel('timeout'), timeout);
    const { stdout, stderr } = this.#collectors(script, options, () => cancel('too-much-output'));
    let exitCode: number;
    try {
      exitCode = await new Promise<number>((resolve, reject) => {
        this.#running = { title, stdout, stderr, resolve, reject };
        signal?.addEventListener('abort', onAbort, { once: true });
        bash.stdin.write(`${script.text}\0`);
      });
      bash.stdin.write('ok\n');
    } catch (error) {
      throw cancelled === 'abort' ? signal?.reason : error;
    } finally {
      this.#running = undefined;
      signal?.removeEventListener('abort', onAbort);
      clearTimeout(timer);
      clearTimeout(grace);
    }
    if (cancelled === 'abort') throw signal?.reason;
    const output = { exitCode, stdout: stdout.text(), stderr: stderr.text() };
    if (cancelled) throw this.#failure(script, options, output, cancelled);
    if (exitCode !== 0 && !options.allowFailure) throw this.#failure(script, options, output, 'command-failed');
    return output;
  }

  #collectors(script: Script, { onLine }: RunOptions, overflow: () => void): { readonly stdout: Collector; readonly stderr: Collector } {
    this.#count += 1;
    const shared = {
      nonce: this.#nonce,
      count: this.#count,
      onLine: onLine && ((line: string) => onLine(blot(line, script.secrets))),
    };
    return {
      stdout: new Collector({ ...shared, limit: MAX_STDOUT, overflow }),
      stderr: new Collector({ ...shared, limit: KEPT_STDERR, overflow: 'tail' }),
    };
  }

  #take(stream: 'stdout' | 'stderr', chunk: Buffer): void {
    const running = this.#running;
    if (!running) return;
    running[stream].push(chunk);
    const { status } = running.stdout;
    if (status !== undefined && running.stderr.status !== undefined) running.resolve(status);
  }

  #failure(script: Script, { title, timeout = 0 }: RunOptions, output: Output, code: 'command-failed' | Cancelled): HostError {
    const what = {
      'command-failed': `'${title}' failed (exit status ${output.exitCode})`,
      timeout: `'${title}' was ended after ${Math.round(timeout / 1000)} s`,
      'too-much-output': `'${title}' printed more than ${MAX_STDOUT / 1024 / 1024} MiB and was ended`,
      abort: `'${title}' was ended`,
    }[code];
    const lines = blot(lastLines(output.stdout) + lastLines(output.stderr), script.secrets)
      .split('\n')
      .filter((line) => line.trim() !== '')
      .slice(-SHOWN_LINES);
    const shown = lines.length === 0 ? '' : `:\n${lines.map((line) => `    ${line}`).join('\n')}`;
    return new HostError(code, what + shown, {
      host: this.#name,
      title,
      commandStatus: output.exitCode,
      output: lines.join('\n'),
    });
  }

  #lost(status: number | undefined): void {
    clearInterval(this.#beat);
    this.#bash = undefined;
    this.#lostWhy =
      status === SILENCE_STATUS ? `it heard nothing from this machine for ${SILENCE} s and gave up` : this.#transport.lostBecause();
    const running = this.#running;
    running?.reject(connectionLost(this.#name, running.title, this.#lostWhy));
  }
}

/** Enough of an output's end to show its last lines, without handling all of it. */
function lastLines(text: string): string {
  return `${text.slice(-16 * 1024)}\n`;
}
