// A host that is to join goes away in the middle: its cable, everything that runs on it, its connections. Each run fails soon and says
// where and what to do; the last one goes on from where they stopped.
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { until } from '../../support/until.ts';
import type { Scenario, ScenarioHost } from './context.ts';

/** What can be done to a lab host, by its name. */
export interface FaultyLab {
  cut(name: string): Promise<void>;
  join(name: string): Promise<void>;
  freeze(name: string): Promise<void>;
  thaw(name: string): Promise<void>;
}

interface Fault {
  /** The step at whose beginning it strikes. */
  readonly step: string;
  readonly strike: () => Promise<void>;
  readonly repair: () => Promise<void>;
  /** Milliseconds from the fault to the end of the run. */
  readonly within: number;
  readonly says: RegExp;
}

/** A minute without an answer, the steps of other hosts that are let finish, and what a busy machine takes. */
const SILENCE = 150_000;
const SILENT = /\(nothing was heard from it for 60 s\)/;

/** One run that meets a fault. */
async function runInto(scenario: Scenario, args: readonly string[], newcomer: ScenarioHost, fault: Fault): Promise<void> {
  let struck: Promise<void> | undefined;
  let since = 0;
  const onLine = (line: string) => {
    if (struck || !line.startsWith('{')) return;
    const event: { readonly kind?: string; readonly step?: string; readonly host?: string } = JSON.parse(line);
    if (event.kind !== 'step-started' || event.step !== fault.step || event.host !== newcomer.ip) return;
    since = Date.now();
    struck = fault.strike();
    struck.catch(() => {});
  };
  try {
    const { status, stderr } = await scenario.run([...args, '--log-format', 'json'], { onLine });
    assert.ok(struck, `step '${fault.step}' was begun on ${newcomer.ip}\n${stderr}`);
    await struck;
    assert.equal(status, 1, stderr);
    assert.match(stderr, new RegExp(`${newcomer.ip.replaceAll('.', '\\.')}: the connection was lost during '[^']+'`));
    assert.match(stderr, fault.says);
    assert.match(stderr, /see whether the host is up and reachable, then run the same command again/);
    assert.ok(Date.now() - since < fault.within, `'${fault.step}': the run ended ${Date.now() - since} ms after the fault`);
  } finally {
    await struck?.catch(() => {});
    await fault.repair();
  }
}

/**
 * Adds `newcomer`, a host that is not in the cluster, and has it go away three times on the way; then once more undisturbed. At the end it
 * is taken out again: the cluster is as it was before.
 */
export async function faultsScenario(
  scenario: Scenario,
  { newcomer, lab }: { readonly newcomer: ScenarioHost; readonly lab: FaultyLab },
): Promise<void> {
  const add = ['add', '--nodes', newcomer.ip];
  const { name, ip } = newcomer;
  const answers = () => until(`${name} to answer`, 60_000, () => scenario.on(ip, 'echo yes'));
  const faults: readonly Fault[] = [
    { step: 'layers', strike: () => lab.cut(name), repair: () => lab.join(name), within: SILENCE, says: SILENT },
    { step: 'init-cri', strike: () => lab.freeze(name), repair: () => lab.thaw(name), within: SILENCE, says: SILENT },
    {
      step: 'join-workers',
      // All connections at once, this one too.
      strike: async () => {
        await scenario.on(ip, `ps -eo pid=,args= | awk '/sshd: [a-z]+@notty/ && !/awk/ { print $1 }' | xargs kill -KILL`).catch(() => {});
      },
      repair: () => pause(0),
      within: 60_000,
      says: /the connection was lost/,
    },
  ];
  for (const fault of faults) {
    await runInto(scenario, add, newcomer, fault);
    await answers();
  }
  const { status, stderr } = await scenario.run(add);
  assert.equal(status, 0, stderr);
  await until(`${name} to be ready`, 180_000, async () => {
    const jsonpath =
      '{range .items[*]}{.status.addresses[?(@.type=="InternalIP")].address} {.status.conditions[?(@.type=="Ready")].status}{"\\n"}{end}';
    const lines = (await scenario.kubectl(['get', 'nodes', '-o', `jsonpath=${jsonpath}`])).split('\n');
    return lines.includes(`${ip} True`) ? true : undefined;
  });
  const removed = await scenario.run(['delete', '--nodes', ip, '--yes']);
  assert.equal(removed.status, 0, removed.stderr);
}
