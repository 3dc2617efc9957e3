import { SealosError } from '@sealos/image';
import type { OnRunEvent, RunEventBody } from './event.ts';
import type { Address, Host } from './host/host.ts';
import { hostName } from './host/host-name.ts';
import { makeSlots, type Slots } from './slots.ts';
import type { Plan, Step, StepContext, Todo } from './step.ts';

export interface ExecuteOptions {
  readonly onEvent: OnRunEvent;
  readonly signal: AbortSignal;
  /** Only checks: tells what would be done. */
  readonly dryRun?: boolean | undefined;
  /** Hosts that are worked on at a time in one step (default 32). */
  readonly hosts?: number | undefined;
  /** Hosts that bytes are sent to at a time, over all steps (default 4): each of more would only get less of the same uplink. */
  readonly uploads?: number | undefined;
}

export interface PlanResult {
  /** How often a step did something on a host (in a dry run: would do). */
  readonly changed: number;
  readonly skipped: number;
}

const HOSTS_AT_A_TIME = 32;
const UPLOADS_AT_A_TIME = 4;

/** What went wrong on one host in one step. */
interface Failure {
  readonly step: Step;
  readonly host: string;
  readonly error: unknown;
}

/** A plan at work. */
interface Work {
  readonly hostOf: (address: Address) => Host;
  readonly options: ExecuteOptions;
  readonly emit: (body: RunEventBody) => void;
  readonly uploads: Slots;
  readonly failures: Failure[];
  changed: number;
  skipped: number;
}

function begin(hostOf: (address: Address) => Host, options: ExecuteOptions): Work {
  return {
    hostOf,
    options,
    emit: (body) => options.onEvent({ at: new Date().toISOString(), ...body }),
    uploads: makeSlots(options.uploads ?? UPLOADS_AT_A_TIME),
    failures: [],
    changed: 0,
    skipped: 0,
  };
}

/** Throws what stopped the work, else tells its end. */
function finish(work: Work, started: number): PlanResult {
  const { changed, skipped } = work;
  work.options.signal.throwIfAborted();
  if (work.failures.length > 0) throw failureOf(work.failures);
  work.emit({ kind: 'finished', changed, skipped, milliseconds: sinceThen(started) });
  return { changed, skipped };
}

const sinceThen = (started: number) => Math.round(performance.now() - started);

/**
 * Does a plan's steps, each on all of its hosts, when the steps that it needs are done; steps that do not need one another go side by
 * side. Each host is checked first, and worked on only where the check says so; what a step did is not checked again, its own exit
 * status speaks for it (the next run checks). When a host fails, hosts that are being worked on are let finish, because half a step is
 * worse than a whole one; nothing else begins, and one error names every host that failed.
 */
export async function executePlan(plan: Plan, hostOf: (address: Address) => Host, options: ExecuteOptions): Promise<PlanResult> {
  const started = performance.now();
  const work = begin(hostOf, options);
  work.emit({ kind: 'plan', steps: plan.steps.map(({ id, title, hosts }) => ({ id, title, hosts: hosts.map(hostName) })) });
  const ends = new Map<string, Promise<void>>();
  for (const step of plan.steps) {
    const needs = step.needs.map((id) => {
      const need = ends.get(id);
      if (!need) throw new Error(`step ${step.id} needs ${id}, which does not come before it`);
      return need;
    });
    ends.set(
      step.id,
      Promise.all(needs).then(() => eachHost(step, work, (address) => doStep(step, address, work))),
    );
  }
  await Promise.all(ends.values());
  return finish(work, started);
}

/** All hosts of a step, some at a time, one at a time where it is serial; no further one once anything failed, unless it goes `on`. */
async function eachHost(step: Step, work: Work, act: (address: Address) => Promise<void>, on: 'stop' | 'on' = 'stop'): Promise<void> {
  const waiting = [...step.hosts];
  const worker = async () => {
    for (let address = waiting.shift(); address !== undefined; address = waiting.shift()) {
      if (work.options.signal.aborted || (on === 'stop' && work.failures.length > 0)) return;
      await act(address);
    }
  };
  const workers = step.serial && on === 'stop' ? 1 : Math.min(work.options.hosts ?? HOSTS_AT_A_TIME, waiting.length);
  await Promise.all(Array.from({ length: workers }, worker));
}

async function doStep(step: Step, address: Address, work: Work): Promise<void> {
  const name = hostName(address);
  const { emit, options } = work;
  await guarded(step, name, work, async () => {
    const host = work.hostOf(address);
    const context = contextOf(step, name, work);
    const state = await step.check(host, context);
    options.signal.throwIfAborted();
    if (state === 'done') {
      work.skipped += 1;
      emit({ kind: 'step-skipped', step: step.id, host: name });
      return;
    }
    if (options.dryRun) {
      work.changed += 1;
      emit({ kind: 'step-todo', step: step.id, host: name, what: state.what, ...bytesOf(state) });
      return;
    }
    using _slot = state.bytes === undefined ? undefined : await work.uploads.take(options.signal);
    // While it waited for its turn something may have failed elsewhere.
    if (work.failures.length > 0) return;
    const started = performance.now();
    emit({ kind: 'step-started', step: step.id, host: name, ...bytesOf(state) });
    await step.apply(host, context);
    work.changed += 1;
    emit({ kind: 'step-done', step: step.id, host: name, milliseconds: sinceThen(started) });
  });
}

const bytesOf = ({ bytes }: Todo) => (bytes === undefined ? {} : { bytes });

/** Notes a failure instead of throwing it; what is thrown because of an abort is none. */
async function guarded(step: Step, host: string, work: Work, act: () => Promise<void>): Promise<void> {
  const started = performance.now();
  try {
    await act();
  } catch (error) {
    if (work.options.signal.aborted) return;
    work.failures.push({ step, host, error });
    work.emit({ kind: 'step-failed', step: step.id, host, message: messageOf(error), milliseconds: sinceThen(started) });
  }
}

function contextOf(step: Step, host: string, { options, emit }: Work): StepContext {
  return {
    signal: options.signal,
    onLine: (line) => emit({ kind: 'output', step: step.id, host, line }),
    onBytes: (sent) => emit({ kind: 'bytes', step: step.id, host, sent }),
  };
}

/**
 * Undoes a plan's steps backwards, each on all of its hosts. A failure does not stop it: whatever can be taken back is; then one error
 * names everything that could not.
 */
export async function undoPlan(plan: Plan, hostOf: (address: Address) => Host, options: ExecuteOptions): Promise<void> {
  const begun = performance.now();
  const work = begin(hostOf, options);
  const steps = plan.steps.filter((step) => step.undo).toReversed();
  work.emit({ kind: 'plan', steps: steps.map(({ id, title, hosts }) => ({ id, title: `undoing: ${title}`, hosts: hosts.map(hostName) })) });
  for (const step of steps) {
    const undo = async (address: Address) => {
      const name = hostName(address);
      const started = performance.now();
      work.emit({ kind: 'step-started', step: step.id, host: name });
      await guarded(step, name, work, async () => {
        await step.undo?.(hostOf(address), contextOf(step, name, work));
        work.changed += 1;
        work.emit({ kind: 'step-done', step: step.id, host: name, milliseconds: sinceThen(started) });
      });
    };
    await eachHost(step, work, undo, 'on');
  }
  finish(work, begun);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function failureOf(failures: readonly Failure[]): unknown {
  const readable = failures.map(({ error }) => error).filter((error) => error instanceof SealosError);
  const [first] = failures;
  // What is none of our errors is a fault of ours: it is passed on as it is, so that it is reported as one.
  if (readable.length === 0) return first?.error;
  const lines = failures.map(({ step, host, error }) => {
    const message = messageOf(error);
    return `${step.title}: ${message.includes(host) ? message : `${host}: ${message}`}`;
  });
  const hint =
    readable.find((error) => error.hint)?.hint ?? 'repair what is named, then run the same command again: it goes on where it stopped';
  return new SealosError('step-failed', lines.join('\n'), { hint, cause: first?.error });
}
