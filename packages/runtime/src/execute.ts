import { SealosError } from '@sealos/image';
import type { OnRunEvent, RunEventBody } from './event.ts';
import type { Address, Host } from './host/host.ts';
import type { Plan, Step, StepContext } from './step.ts';

export interface ExecuteOptions {
  readonly onEvent: OnRunEvent;
  readonly signal: AbortSignal;
  /** Only checks: tells what would be done. */
  readonly dryRun?: boolean | undefined;
  /** Hosts that are worked on at a time in one step (default 32). */
  readonly hosts?: number | undefined;
}

export interface PlanResult {
  /** How often a step did something on a host (in a dry run: would do). */
  readonly changed: number;
  readonly skipped: number;
}

const HOSTS_AT_A_TIME = 32;

/** What went wrong on one host in one step. */
interface Failure {
  readonly step: Step;
  readonly host: string;
  readonly error: unknown;
}

interface Work {
  readonly hostOf: (address: Address) => Host;
  readonly options: ExecuteOptions;
  readonly emit: (body: RunEventBody) => void;
}

function nameOf({ ip, port }: Address): string {
  return port === 22 ? ip : `${ip}:${port}`;
}

function emitter(options: ExecuteOptions): (body: RunEventBody) => void {
  return (body) => options.onEvent({ at: new Date().toISOString(), ...body });
}

/**
 * Does a plan's steps, each on all of its hosts, when the steps that it needs are done. Each host is checked first, and worked on only
 * where the check says so; what a step did is not checked again, its own exit status speaks for it. When a host fails, the others
 * finish the step they are in, no further step begins, and one error names every host that failed.
 */
export async function executePlan(plan: Plan, hostOf: (address: Address) => Host, options: ExecuteOptions): Promise<PlanResult> {
  const started = performance.now();
  const work: Work = { hostOf, options, emit: emitter(options) };
  work.emit({ kind: 'plan', steps: plan.steps.map(({ id, title, hosts }) => ({ id, title, hosts: hosts.map(nameOf) })) });
  const failures: Failure[] = [];
  const counts = { changed: 0, skipped: 0 };
  const done = new Map<string, Promise<boolean>>();
  for (const step of plan.steps) {
    const needs = step.needs.map((id) => {
      const need = done.get(id);
      if (!need) throw new Error(`step ${step.id} needs ${id}, which does not come before it`);
      return need;
    });
    done.set(
      step.id,
      Promise.all(needs).then(async (ready) => {
        if (!ready.every(Boolean) || failures.length > 0 || options.signal.aborted) return false;
        const failed = await runStep(step, work, counts);
        failures.push(...failed);
        return failed.length === 0;
      }),
    );
  }
  await Promise.all(done.values());
  options.signal.throwIfAborted();
  if (failures.length > 0) throw failureOf(failures);
  work.emit({ kind: 'finished', ...counts, milliseconds: Math.round(performance.now() - started) });
  return counts;
}

async function runStep(step: Step, work: Work, counts: { changed: number; skipped: number }): Promise<readonly Failure[]> {
  const failures: Failure[] = [];
  await eachHost(step, work.options, async (address) => {
    const name = nameOf(address);
    const started = performance.now();
    try {
      const host = work.hostOf(address);
      const context = contextOf(step, name, work);
      const state = await step.check(host, context);
      if (state === 'done') {
        counts.skipped += 1;
        work.emit({ kind: 'step-skipped', step: step.id, host: name });
        return true;
      }
      counts.changed += 1;
      const bytes = state.bytes === undefined ? {} : { bytes: state.bytes };
      if (work.options.dryRun) {
        work.emit({ kind: 'step-todo', step: step.id, host: name, what: state.what, ...bytes });
        return true;
      }
      work.emit({ kind: 'step-started', step: step.id, host: name, ...bytes });
      await step.apply(host, context);
      work.emit({ kind: 'step-done', step: step.id, host: name, milliseconds: Math.round(performance.now() - started) });
      return true;
    } catch (error) {
      if (work.options.signal.aborted) return false;
      failures.push({ step, host: name, error });
      work.emit({
        kind: 'step-failed',
        step: step.id,
        host: name,
        message: messageOf(error),
        milliseconds: Math.round(performance.now() - started),
      });
      return false;
    }
  });
  return failures;
}

function contextOf(step: Step, host: string, { options, emit }: Work): StepContext {
  return {
    signal: options.signal,
    onLine: (line) => emit({ kind: 'output', step: step.id, host, line }),
    onBytes: (sent) => emit({ kind: 'bytes', step: step.id, host, sent }),
  };
}

/** All hosts of a step, some at a time; one after the other, up to the first failure, where the step is serial. */
async function eachHost(step: Step, options: ExecuteOptions, act: (address: Address) => Promise<boolean>): Promise<void> {
  const waiting = [...step.hosts];
  const worker = async () => {
    for (let address = waiting.shift(); address !== undefined; address = waiting.shift()) {
      if (options.signal.aborted) return;
      if (!(await act(address)) && step.serial) waiting.length = 0;
    }
  };
  const workers = step.serial ? 1 : Math.min(options.hosts ?? HOSTS_AT_A_TIME, waiting.length);
  await Promise.all(Array.from({ length: workers }, worker));
}

/**
 * Undoes a plan's steps backwards, on all hosts. A failure does not stop it: whatever can be taken back is; then one error names
 * everything that could not.
 */
export async function undoPlan(plan: Plan, hostOf: (address: Address) => Host, options: ExecuteOptions): Promise<void> {
  const started = performance.now();
  const work: Work = { hostOf, options, emit: emitter(options) };
  const steps = plan.steps.filter((step) => step.undo).toReversed();
  work.emit({ kind: 'plan', steps: steps.map(({ id, title, hosts }) => ({ id, title: `undoing: ${title}`, hosts: hosts.map(nameOf) })) });
  const failures: Failure[] = [];
  let changed = 0;
  for (const step of steps) {
    await eachHost({ ...step, serial: false }, options, async (address) => {
      const name = nameOf(address);
      const begun = performance.now();
      work.emit({ kind: 'step-started', step: step.id, host: name });
      try {
        await step.undo?.(hostOf(address), contextOf(step, name, work));
        changed += 1;
        work.emit({ kind: 'step-done', step: step.id, host: name, milliseconds: Math.round(performance.now() - begun) });
      } catch (error) {
        if (options.signal.aborted) return false;
        failures.push({ step, host: name, error });
        work.emit({
          kind: 'step-failed',
          step: step.id,
          host: name,
          message: messageOf(error),
          milliseconds: Math.round(performance.now() - begun),
        });
      }
      return true;
    });
    options.signal.throwIfAborted();
  }
  if (failures.length > 0) throw failureOf(failures);
  work.emit({ kind: 'finished', changed, skipped: 0, milliseconds: Math.round(performance.now() - started) });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function failureOf(failures: readonly Failure[]): SealosError {
  const lines = failures.map(({ step, error }) => `${step.title}: ${messageOf(error)}`);
  const readable = failures.map(({ error }) => error).filter((error) => error instanceof SealosError);
  const hint =
    readable.find((error) => error.hint)?.hint ?? 'repair what is named, then run the same command again: it goes on where it stopped';
  const [first] = failures;
  // What is none of our errors is a fault of ours: it is passed on as it is, so that it is reported as one.
  if (first && readable.length === 0 && first.error instanceof Error) throw first.error;
  return new SealosError('step-failed', lines.join('\n'), { hint, cause: first?.error });
}
