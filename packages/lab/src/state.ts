import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { LabError } from './error.ts';
import type { ProcessIdentity } from './process.ts';

/** What is known of a host from one call to the next. Whether it runs is read from the machine, not from here. */
export interface HostRecord {
  readonly name: string;
  /** Bytes of memory it may use; undefined: no limit. */
  readonly memory?: number | undefined;
  /** Debian packages that its base system has beyond those of every host. */
  readonly packages?: readonly string[] | undefined;
  /** Its systemd-nspawn, when it was last started. */
  readonly process?: ProcessIdentity | undefined;
}

/** A lab as its state file tells it. */
export interface LabState {
  /** The third number of its network 10.77.N.0/24, once chosen. */
  readonly subnet?: number | undefined;
  readonly hosts: readonly HostRecord[];
}

const EMPTY: LabState = { hosts: [] };

/** The number of a host: 3 for `h3`; undefined when the name is not a host's. */
export function hostNumber(name: string): number | undefined {
  const digits = /^h([1-9][0-9]{0,2})$/.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** Reads a state file; an empty state when there is none. Throws `lab-state-broken`. */
export async function readState(path: string): Promise<LabState> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return EMPTY;
    throw error;
  }
  const state = parseState(text);
  if (state) return state;
  throw new LabError('lab-state-broken', `${path} is not the state of a lab`, {
    hint: 'take the lab down, which removes it, and up again',
  });
}

/** undefined when the text is not a lab's state. */
export function parseState(text: string): LabState | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isRecord(value) || !Array.isArray(value['hosts'])) return undefined;
  const subnet = value['subnet'];
  if (subnet !== undefined && !isWhole(subnet, 0, 255)) return undefined;
  const hosts = value['hosts'].map(parseHost);
  if (hosts.includes(undefined)) return undefined;
  return { ...(subnet === undefined ? {} : { subnet }), hosts: hosts.filter((host) => host !== undefined) };
}

function parseHost(value: unknown): HostRecord | undefined {
  if (!isRecord(value) || typeof value['name'] !== 'string' || hostNumber(value['name']) === undefined) return undefined;
  const { name, memory, packages, process } = value;
  if (memory !== undefined && !isWhole(memory, 1, Number.MAX_SAFE_INTEGER)) return undefined;
  if (packages !== undefined && !isStrings(packages)) return undefined;
  if (process === undefined) return { name, memory, packages };
  if (!isRecord(process) || !isWhole(process['pid'], 1, 2 ** 31) || typeof process['started'] !== 'string') return undefined;
  return { name, memory, packages, process: { pid: process['pid'], started: process['started'] } };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object';
}

function isStrings(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function isWhole(value: unknown, least: number, most: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most;
}

/**
 * Replaces a file so that every reader finds the old or the new one whole. One writer at a time (the lab's lock). Without fsync, which
 * would wait for the hosts' copies to be on the disk: after the machine's own power loss nothing of a lab runs that the file would have to tell of.
 */
export async function writeAtomic(path: string, content: string, mode: number): Promise<void> {
  const draft = `${path}.new`;
  await rm(draft, { force: true });
  await writeFile(draft, content, { mode, flag: 'wx' });
  await rename(draft, path);
}

/** The state of a lab whose lock is held: every change is in the file before the promise resolves, changes in the order they were asked for. */
export interface StateFile {
  readonly current: () => LabState;
  update(change: (state: LabState) => LabState): Promise<void>;
}

export async function openState(path: string): Promise<StateFile> {
  let state = await readState(path);
  let last: Promise<void> = Promise.resolve();
  return {
    current: () => state,
    update(change) {
      state = change(state);
      const content = `${JSON.stringify(state, undefined, 2)}\n`;
      const written = last.then(() => writeAtomic(path, content, 0o600));
      last = written.catch(() => {});
      return written;
    },
  };
}

/** The state with that host's record changed; a host not there yet is added, in the order of their numbers. */
export function withHost(state: LabState, name: string, change: Partial<HostRecord>): LabState {
  const old = state.hosts.find((host) => host.name === name);
  const others = state.hosts.filter((host) => host !== old);
  const hosts = [...others, { ...old, ...change, name }];
  return { ...state, hosts: hosts.sort((a, b) => (hostNumber(a.name) ?? 0) - (hostNumber(b.name) ?? 0)) };
}

export function withoutHost(state: LabState, name: string): LabState {
  return { ...state, hosts: state.hosts.filter((host) => host.name !== name) };
}
