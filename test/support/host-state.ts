// What a lab host is, as text: to see what something left there, or took away.
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import type { Lab } from '../../packages/lab/src/index.ts';
import { lineDifferences } from './host-state-lines.ts';
import { hostStateScript } from './host-state-script.ts';
import { volatileLines } from './host-state-volatile.ts';

/** Lines of `section<TAB>what is there`, sorted: processes, mounts, links, rules, units, ports, files with their hashes and so on. */
export type HostState = readonly string[];

/** Runs a bash script on a lab host as root and returns what it printed. Throws with its last words when it fails or takes over two minutes. */
export async function onLabHost(lab: Pick<Lab, 'ssh'>, host: string, script: string): Promise<string> {
  const [program = '', ...args] = await lab.ssh(host, ['bash', '-s']);
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], timeout: 120_000 });
  const ended = new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve));
  // A host that hangs up early says why in its exit status.
  child.stdin.on('error', () => {}).end(script);
  const [stdout, stderr, status] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  if (status !== 0) throw new Error(`a script on ${host} ended with ${status ?? 'no'} exit status:\n${stderr.slice(-2000)}`);
  return stdout;
}

/** Reads everything of a host that could be left on it; some seconds of one processor. */
export async function hostState(lab: Pick<Lab, 'ssh'>, host: string): Promise<HostState> {
  const lines = (await onLabHost(lab, host, hostStateScript)).split('\n');
  return lines.filter((line) => line !== '').sort();
}

/** What is there now and was not (`+`), or was there and is not (`-`), but for what may differ (host-state-volatile.ts). Empty: the host is as it was. */
export function compareHostState(before: HostState, after: HostState): readonly string[] {
  const lasting = (state: HostState) => state.filter((text) => !volatileLines.some(({ line }) => line.test(text)));
  return lineDifferences(lasting(before), lasting(after));
}

/** Reads the host until it is as it was, for at most `timeout` milliseconds, for what ends by itself takes its time; returns what then still differs. */
export async function lastingDifferences(
  lab: Pick<Lab, 'ssh'>,
  host: string,
  before: HostState,
  timeout = 30_000,
): Promise<readonly string[]> {
  const end = Date.now() + timeout;
  for (;;) {
    const differences = compareHostState(before, await hostState(lab, host));
    if (differences.length === 0 || Date.now() > end) return differences;
    await pause(1000);
  }
}
