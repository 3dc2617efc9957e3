// Go's own text/template with sprig, compiled once per run of the tests and asked for many templates at a time.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { ensureInstalled } from '../../../scripts/debian.ts';

export interface OracleCase {
  readonly name: string;
  readonly template: string;
  readonly data?: unknown;
  readonly env?: Readonly<Record<string, string>>;
  /** The data is a `map[string]string`. */
  readonly strings?: boolean;
}

export interface OracleResult {
  readonly output: string;
  readonly error: string;
}

async function execute(command: string, args: readonly string[], input: string): Promise<string> {
  const env = { ...process.env, GO111MODULE: 'off', GOPATH: '/usr/share/gocode', GOFLAGS: '', TZ: 'UTC' };
  const child = spawn(command, args, { env, stdio: ['pipe', 'pipe', 'inherit'] });
  const closed = once(child, 'close');
  child.stdin.end(input);
  const output = await text(child.stdout);
  const [status] = await closed;
  if (status !== 0) throw new Error(`${command} ended with status ${status}`);
  return output;
}

export interface Oracle extends AsyncDisposable {
  readonly render: (cases: readonly OracleCase[]) => Promise<readonly OracleResult[]>;
}

/** Compiles the Go program (a few seconds; Go keeps what it compiled) into a directory that disposal removes. */
export async function openOracle(): Promise<Oracle> {
  ensureInstalled(['golang-go', 'golang-github-masterminds-sprig-dev', 'golang-k8s-sigs-yaml-dev', 'golang-github-burntsushi-toml-dev']);
  const directory = await mkdtemp(join(tmpdir(), 'gotemplate-'));
  const remove = () => rm(directory, { recursive: true, force: true });
  const program = join(directory, 'gotemplate');
  try {
    await execute('go', ['build', '-o', program, join(import.meta.dirname, 'main.go')], '');
  } catch (error) {
    await remove();
    throw error;
  }
  return {
    render: async (cases) => JSON.parse(await execute(program, [], JSON.stringify(cases))) as OracleResult[],
    [Symbol.asyncDispose]: remove,
  };
}
