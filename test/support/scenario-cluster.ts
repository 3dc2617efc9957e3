// A cluster on lab hosts as the scenarios see it: the operator's command line, kubectl and shells on the hosts.
import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import type { LabHost, openLab } from '@sealos/lab';
import { runProgram } from '../../scripts/cluster-images.ts';
import type { Ended, RunOptions, Scenario } from '../cluster/scenarios/context.ts';

const sealos = join(dirname(dirname(import.meta.dirname)), 'sealos');

export interface ScenarioClusterOptions {
  readonly lab: ReturnType<typeof openLab>;
  readonly hosts: readonly LabHost[];
  /** `SEALOS_STORAGE` and `SEALOS_RUNTIME_ROOT` of the operator. */
  readonly env: NodeJS.ProcessEnv;
  /** Commands that reach hosts: they are given the lab's key and the file of host keys. */
  readonly masters: readonly string[];
  readonly workers: readonly string[];
}

/** Commands that take the flags of hosts' logins. */
const REACHING = new Set('run add delete reset exec scp adopt apply plan status cert etcd'.split(' '));

/** Runs the operator, with the hosts' keys where the command takes them; SIGKILLs it where that is asked for. */
export async function runOperator(
  args: readonly string[],
  login: readonly string[],
  env: NodeJS.ProcessEnv,
  { killWhen, killDelay, onLine, timeout, env: more }: RunOptions = {},
): Promise<Ended> {
  const flags = REACHING.has(args[0] ?? '') ? login : [];
  const child = spawn(sealos, [...args, ...flags], {
    env: { ...process.env, ...env, ...more },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout,
    killSignal: 'SIGKILL',
  });
  let doomed = false;
  const kill = () => {
    if (doomed) return;
    doomed = true;
    // No timer for none: what the operator does between the line and the signal is to be as little as can be.
    if (killDelay) setTimeout(() => child.kill('SIGKILL'), killDelay);
    else child.kill('SIGKILL');
  };
  if (onLine) createInterface({ input: child.stdout }).on('line', onLine);
  if (killWhen) createInterface({ input: child.stdout }).on('line', (line) => killWhen(line) && kill());
  else if (killDelay !== undefined) kill();
  const ended = new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve));
  const [stdout, stderr, status] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { status, stdout, stderr };
}

/** True at the line of `--log-format json` that tells the named step's beginning. */
export function stepStarts(step: string): (line: string) => boolean {
  return (line) => {
    if (!line.startsWith('{')) return false;
    const event: { readonly kind?: string; readonly step?: string } = JSON.parse(line);
    return event.kind === 'step-started' && event.step === step;
  };
}

/** The scenario view of a cluster whose hosts are named by their lab names. */
export function scenarioCluster({ lab, hosts, env, masters, workers }: ScenarioClusterOptions): Scenario {
  const find = (name: string) => {
    const host = hosts.find((one) => one.name === name);
    if (!host) throw new Error(`no lab host ${name}`);
    return host;
  };
  const first = find(masters[0] ?? '');
  const login = ['-i', first.sshKey, '--known-hosts', first.knownHosts];
  const on = async (ip: string, command: string) => {
    const host = hosts.find((one) => one.ip === ip);
    if (!host) throw new Error(`no lab host has ${ip}`);
    return runProgram(await lab.ssh(host.name, [command]), { onLine: () => {} });
  };
  const quote = (word: string) => `'${word.replaceAll("'", `'\\''`)}'`;
  return {
    run: (args, options) => runOperator(args, login, env, options),
    kubectl: (args) => on(first.ip, `kubectl ${args.map(quote).join(' ')}`),
    on,
    masters: masters.map(find),
    workers: workers.map(find),
  };
}
