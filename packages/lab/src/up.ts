import { mkdir, stat } from 'node:fs/promises';
import { ensureBase } from './base.ts';
import { addressOf, type LabContext } from './context.ts';
import { takeDown } from './down.ts';
import { LabError } from './error.ts';
import type { OnLabEvent } from './event.ts';
import { makeHostTree } from './host-tree.ts';
import { ensureCredentials, ensureHostKey, readPassword, writeKnownHosts } from './keys.ts';
import { hostPaths } from './layout.ts';
import { ensureBridge } from './network.ts';
import { discard, livingProcess, powerOff, powerOn, untilReady } from './power.ts';
import { type HostRecord, hostNumber, openState, type StateFile, withHost, withoutHost } from './state.ts';
import { subnetOf } from './subnet.ts';

export interface BringUpOptions {
  readonly count: number;
  readonly memory?: number | undefined;
  readonly packages: readonly string[];
  readonly onEvent: OnLabEvent;
  readonly signal: AbortSignal;
}

interface Work {
  readonly context: LabContext;
  readonly state: StateFile;
  /** The base system that hosts are copied from; made when it is first asked for. */
  readonly base: () => Promise<string>;
  readonly onEvent: OnLabEvent;
  readonly signal: AbortSignal;
}

/**
 * Makes hosts h1 to hN run, all at once; those that run already are left alone. The lab's lock is held. When one cannot be made, or on an
 * abort, everything that this call made or started is taken back before the error is thrown.
 */
export async function bringUp(context: LabContext, options: BringUpOptions): Promise<void> {
  const { paths } = context;
  const state = await openState(paths.state);
  const before = state.current();
  const started: string[] = [];
  let made: Promise<string> | undefined;
  const base = () => {
    made ??= ensureBase(paths.directory, options);
    return made;
  };
  try {
    await mkdir(paths.hosts, { recursive: true, mode: 0o700 });
    await ensureCredentials(paths, options.signal);
    await ensureBridge(context.id, before.subnet, (subnet) => state.update((now) => ({ ...now, subnet })), options.signal);
    const names = Array.from({ length: options.count }, (_, index) => `h${index + 1}`);
    for (const name of names) await ensureHostKey(paths, name, options.signal);
    const known = [...new Set([...names, ...before.hosts.map(({ name }) => name)])];
    await writeKnownHosts(
      paths,
      known.map((name) => ({ name, ip: addressOf(state.current(), hostNumber(name) ?? 0) })),
    );
    await inParallel(names, options.signal, async (name, signal) => {
      const record = state.current().hosts.find((host) => host.name === name);
      if (record && livingProcess(record)) return;
      started.push(name);
      await state.update((now) => withHost(now, name, record ? {} : { memory: options.memory, packages: options.packages }));
      await bringUpHost({ context, state, base, onEvent: options.onEvent, signal }, name);
    });
  } catch (error) {
    const undo = () => (before.hosts.length === 0 ? takeDown(context) : takeBack(context, state, before.hosts, started));
    await undo().catch((cause: unknown) => {
      const [first, second] = [error, cause].map((reason) => (reason instanceof Error ? reason.message : String(reason)));
      throw new LabError('lab-half-made', `${first}; and what was begun could not be taken back: ${second}`, {
        hint: 'take the lab down',
        cause,
      });
    });
    throw error;
  }
}

/** Makes one host run whose record exists and whose power is off. */
export async function bringUpHost(work: Work, name: string): Promise<void> {
  const { context, state, onEvent, signal } = work;
  if (!(await isDirectory(hostPaths(context.paths, name).root))) {
    await makeTree(work, name);
  }
  onEvent({ kind: 'host', name, phase: 'booting' });
  await startHost(context, state, name, signal);
  onEvent({ kind: 'host', name, phase: 'ready' });
}

/** Turns on a host whose tree is there, and waits until it answers. */
export async function startHost(context: LabContext, state: StateFile, name: string, signal: AbortSignal): Promise<void> {
  const record = state.current().hosts.find((host) => host.name === name) ?? { name };
  const remember = (process: HostRecord['process']) => state.update((now) => withHost(now, name, { process }));
  await powerOn(context, record, remember, signal);
  const { process } = state.current().hosts.find((host) => host.name === name) ?? {};
  if (process) await untilReady(context, process, name, addressOf(state.current(), hostNumber(name) ?? 0), signal);
}

async function makeTree({ context, state, base, onEvent, signal }: Work, name: string): Promise<void> {
  const { paths } = context;
  const from = await base();
  onEvent({ kind: 'host', name, phase: 'copying' });
  const { gateway, length } = subnetOf(state.current().subnet ?? 0);
  const identity = {
    name,
    ip: addressOf(state.current(), hostNumber(name) ?? 0),
    gateway,
    prefixLength: length,
    userKey: `${paths.key}.pub`,
    hostKey: await ensureHostKey(paths, name, signal),
    password: await readPassword(paths),
  };
  await makeHostTree(from, hostPaths(paths, name), identity, signal);
}

/** Undoes a failed `up` of a lab that had hosts before: those it added go, those it only started are off again. */
async function takeBack(context: LabContext, state: StateFile, before: readonly HostRecord[], started: readonly string[]): Promise<void> {
  for (const name of started) {
    const record = state.current().hosts.find((host) => host.name === name) ?? { name };
    await powerOff(context, record);
    if (before.some((host) => host.name === name)) continue;
    await discard(context, name);
    await state.update((now) => withoutHost(now, name));
  }
}

/** Runs the work for all names at once; the first failure stops the others, and is thrown when all have ended. */
async function inParallel(
  names: readonly string[],
  signal: AbortSignal,
  work: (name: string, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  let failure: { readonly error: unknown } | undefined;
  await Promise.all(
    names.map(async (name) => {
      try {
        await work(name, either);
      } catch (error) {
        failure ??= { error };
        stop.abort(error);
      }
    }),
  );
  if (failure) throw failure.error;
}

async function isDirectory(path: string): Promise<boolean> {
  return await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
