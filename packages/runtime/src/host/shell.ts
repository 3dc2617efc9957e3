import { randomBytes } from 'node:crypto';
import type { Readable, Writable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { HostError } from '../error.ts';
import type { Output, RunOptions } from './host.ts';
import type { Script } from './script.ts';

/** The three streams of a bash that runs on a host; `closed` resolves when it is gone. */
export interface ShellStreams {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  readonly closed: Promise<void>;
  readonly end: () => void;
}

const MAX_OUTPUT = 16 * 1024 * 1024;
const SHOWN_LINES = 15;
/** How long a command that was told to end may take before the connection is given up, in milliseconds. */
const GRACE = 8000;

/**
 * The remote side of the protocol. It reads scripts that end in a NUL byte from its standard input and runs each in a subshell that is
 * the leader of a process group of its own; `eval` keeps them, and the secrets in them, out of every argument list. While a script
 * runs, the loop waits for a line: `ok` when the operator has seen the end; anything else, or the end of input because the operator
 * is gone, ends the whole group. The end is told on both streams, with a nonce that no script knows and a count. Whatever comes before
 * the line `nonce start` is dropped: a password that sudo did not ask for.
 */
export function shellLoop(nonce: string): string {
  return `export LC_ALL=C PATH="$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
while IFS= read -r sealos_answer; do [ "$sealos_answer" = '${nonce} start' ] && break; done
[ "$sealos_answer" = '${nonce} start' ] || exit 0
# bash's own words about jobs go nowhere; scripts and the loop write to what is stderr now.
exec 3>&2 2>/dev/null
set -m
sealos_count=0
sealos_tell() {
  printf '\\n%s %d %d\\n' ${nonce} "$sealos_count" "$1"
  printf '\\n%s %d %d\\n' ${nonce} "$sealos_count" "$1" >&3
}
sealos_end_group() {
  kill -TERM -- "-$1" 2>/dev/null
  for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    kill -0 -- "-$1" 2>/dev/null || return 0
    sleep 0.1
  done
  kill -KILL -- "-$1" 2>/dev/null
}
sealos_tell 0
while IFS= read -r -d '' sealos_script; do
  sealos_count=$((sealos_count + 1))
  {
    set +m
    ( eval "$sealos_script" ) </dev/null 2>&3 3>&-
    sealos_tell $?
  } </dev/null &
  sealos_group=$!
  sealos_answer=
  until IFS= read -r -t 1 sealos_answer; do
    [ $? -gt 128 ] || { sealos_answer=gone; break; }
    kill -0 "$sealos_group" 2>/dev/null || sealos_tell 137
  done
  if [ "$sealos_answer" != ok ]; then
    sealos_end_group "$sealos_group"
    [ "$sealos_answer" != gone ] || exit 0
    sealos_tell 143
    IFS= read -r sealos_answer || exit 0
  fi
  wait "$sealos_group" 2>/dev/null
done
`;
}

interface Running {
  readonly options: RunOptions;
  readonly stdout: Collector;
  readonly stderr: Collector;
  resolve(status: number): void;
  reject(error: unknown): void;
}

/** One output stream up to the nonce: collected whole up to a limit, told line by line. */
class Collector {
  readonly #decoder = new StringDecoder('utf8');
  readonly #onLine: ((line: string) => void) | undefined;
  readonly #nonce: string;
  readonly #count: number;
  #pending = '';
  #size = 0;
  readonly #lines: string[] = [];
  /** The exit status, once the marker came. */
  status: number | undefined;
  overflow = false;

  constructor(nonce: string, count: number, onLine: ((line: string) => void) | undefined) {
    this.#nonce = nonce;
    this.#count = count;
    this.#onLine = onLine;
  }

  push(chunk: Buffer): void {
    const lines = (this.#pending + this.#decoder.write(chunk)).split('\n');
    this.#pending = lines.pop() ?? '';
    for (const line of lines) this.#line(line);
  }

  #line(line: string): void {
    if (this.status !== undefined) return;
    if (line.startsWith(this.#nonce)) {
      const [, count, status] = line.split(' ');
      // One that was cancelled as it ended is told twice; the second one comes late.
      if (Number(count) !== this.#count) return;
      this.status = Number(status);
      // The loop prints a line break before the marker, so that output without one at its end is told apart.
      if (this.#lines.at(-1) === '') this.#lines.pop();
      return;
    }
    this.#size += line.length + 1;
    if (this.#size > MAX_OUTPUT) this.overflow = true;
    else this.#lines.push(line);
    if (line !== '') this.#onLine?.(line);
  }

  text(): string {
    return this.#lines.join('\n');
  }
}

/** A bash on a host that runs one script after another. */
export class Shell {
  readonly #name: string;
  readonly #streams: ShellStreams;
  readonly #nonce: string;
  #count = 0;
  #running: Running | undefined;
  #queue: Promise<unknown> = Promise.resolve();
  #gone = false;

  private constructor(name: string, streams: ShellStreams, nonce: string) {
    this.#name = name;
    this.#streams = streams;
    this.#nonce = nonce;
    streams.stdout.on('data', (chunk: Buffer) => this.#take('stdout', chunk));
    streams.stderr.on('data', (chunk: Buffer) => this.#take('stderr', chunk));
    streams.stdin.on('error', () => {});
    void streams.closed.then(() => this.#lost());
  }

  /**
   * Starts the loop in a bash that `start` runs on the host with the given command as its `-c`. `prologue` is written before anything
   * else (a password for sudo). When the bash ends instead of answering, throws an Error with what it printed on stderr.
   */
  static async open(name: string, start: (loop: string) => Promise<ShellStreams>, prologue: string): Promise<Shell> {
    const nonce = `sealos-${randomBytes(12).toString('hex')}`;
    const streams = await start(shellLoop(nonce));
    const shell = new Shell(name, streams, nonce);
    const stdout = new Collector(nonce, 0, undefined);
    const stderr = new Collector(nonce, 0, undefined);
    await new Promise<number>((resolve, reject) => {
      const failed = () => reject(new Error(stderr.text().trim() || stdout.text().trim() || 'it ended at once'));
      shell.#running = { options: { title: 'starting a shell' }, stdout, stderr, resolve, reject: failed };
      streams.stdin.write(`${prologue}${nonce} start\n`);
    });
    shell.#running = undefined;
    return shell;
  }

  get isGone(): boolean {
    return this.#gone;
  }

  run(script: Script, options: RunOptions): Promise<Output> {
    const result = this.#queue.then(() => this.#run(script, options));
    this.#queue = result.catch(() => {});
    return result;
  }

  end(): void {
    this.#streams.end();
  }

  async #run(script: Script, options: RunOptions): Promise<Output> {
    options.signal?.throwIfAborted();
    if (this.#gone) throw this.#lostError(options.title);
    const hide = (text: string) => blot(text, script.secrets);
    const onLine = options.onLine && ((line: string) => options.onLine?.(hide(line)));
    this.#count += 1;
    const stdout = new Collector(this.#nonce, this.#count, onLine);
    const stderr = new Collector(this.#nonce, this.#count, onLine);
    let timer: NodeJS.Timeout | undefined;
    let grace: NodeJS.Timeout | undefined;
    let cancelled: 'abort' | 'timeout' | undefined;
    const cancel = (why: 'abort' | 'timeout') => {
      if (cancelled) return;
      cancelled = why;
      this.#streams.stdin.write('cancel\n');
      grace = setTimeout(() => this.#streams.end(), GRACE);
    };
    const onAbort = () => cancel('abort');
    const status = new Promise<number>((resolve, reject) => {
      this.#running = { options, stdout, stderr, resolve, reject };
      this.#streams.stdin.write(`${script.text}\0`);
    });
    options.signal?.addEventListener('abort', onAbort, { once: true });
    if (options.timeout !== undefined) timer = setTimeout(() => cancel('timeout'), options.timeout);
    let exitCode: number;
    try {
      exitCode = await status;
      this.#streams.stdin.write('ok\n');
    } finally {
      this.#running = undefined;
      options.signal?.removeEventListener('abort', onAbort);
      clearTimeout(timer);
      clearTimeout(grace);
    }
    if (cancelled === 'abort') throw options.signal?.reason;
    const output = { exitCode, stdout: stdout.text(), stderr: stderr.text() };
    if (cancelled === 'timeout') {
      throw this.#failure(
        script,
        options,
        output,
        `'${options.title}' was ended after ${Math.round((options.timeout ?? 0) / 1000)} s`,
        'timeout',
      );
    }
    if (stdout.overflow || stderr.overflow)
      throw this.#failure(
        script,
        options,
        output,
        `'${options.title}' printed more than ${MAX_OUTPUT / 1024 / 1024} MiB`,
        'too-much-output',
      );
    if (exitCode !== 0 && !options.allowFailure)
      throw this.#failure(script, options, output, `'${options.title}' failed (exit status ${exitCode})`, 'command-failed');
    return output;
  }

  #take(stream: 'stdout' | 'stderr', chunk: Buffer): void {
    const running = this.#running;
    if (!running) return;
    running[stream].push(chunk);
    const { status } = running.stdout;
    if (status !== undefined && running.stderr.status !== undefined) running.resolve(status);
  }

  #failure(script: Script, options: RunOptions, output: Output, what: string, code: string): HostError {
    const lines = blot(`${output.stdout}\n${output.stderr}`, script.secrets)
      .split('\n')
      .filter((line) => line.trim() !== '')
      .slice(-SHOWN_LINES);
    const tail = lines.length === 0 ? '' : `:\n${lines.map((line) => `    ${line}`).join('\n')}`;
    return new HostError(code, `${what}${tail}`, {
      host: this.#name,
      title: options.title,
      commandStatus: output.exitCode,
      output: lines.join('\n'),
    });
  }

  #lostError(title: string): HostError {
    return new HostError('connection-lost', `the connection was lost during '${title}'`, {
      host: this.#name,
      title,
      hint: 'see whether the host is up and reachable, then run the same command again: it goes on where it stopped',
    });
  }

  #lost(): void {
    this.#gone = true;
    const running = this.#running;
    this.#running = undefined;
    running?.reject(running.options.signal?.aborted ? running.options.signal.reason : this.#lostError(running.options.title));
  }
}

/** Replaces every secret by stars. */
export function blot(text: string, secrets: readonly string[]): string {
  return secrets.filter((secret) => secret.length > 0).reduce((clean, secret) => clean.replaceAll(secret, '***'), text);
}
