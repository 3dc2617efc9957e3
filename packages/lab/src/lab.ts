import { ensureBase, removeBases } from './base.ts';
import { readCgroupLayout, setFrozen } from './cgroup.ts';
import { addressOf, type HostState, type LabContext, type LabHost, labContext, recordOf } from './context.ts';
import { takeDown } from './down.ts';
import { badInput, LabError } from './error.ts';
import type { OnLabEvent } from './event.ts';
import { readPassword } from './keys.ts';
import { defaultDirectory, hostPaths, labIdOf, labPaths } from './layout.ts';
import { acquireLock } from './lock.ts';
import { checkMachine } from './machine-check.ts';
import { ensureBridge, setConnected } from './network.ts';
import { discard, livingProcess, powerOff, stateOf } from './power.ts';
import { hostNumber, openState, readState, type StateFile } from './state.ts';
import { MAX_HOSTS } from './subnet.ts';
import { bringUp, bringUpHost, startHost } from './up.ts';

export interface LabOptions {
  /** Where base systems and labs are kept; default `${XDG_CACHE_HOME:-~/.cache}/sealos/lab`. */
  readonly directory?: string | undefined;
  /** Labs of different names live side by side; default `default`. */
  readonly name?: string | undefined;
}

interface Abortable {
  readonly signal?: AbortSignal | undefined;
}

export interface UpOptions extends Abortable {
  /** How many hosts are to run: h1 to hN. Those beyond stay as they are. */
  readonly count: number;
  /** Bytes of memory each new host may use; default no limit. */
  readonly memory?: number | undefined;
  /** Debian packages for new hosts beyond those that every one has. */
  readonly packages?: readonly string[] | undefined;
  readonly onEvent?: OnLabEvent | undefined;
}

export interface SshOptions {
  /** root (default), op or opp. */
  readonly user?: string | undefined;
}

/** Servers made on this machine. Every method that names a host throws `no-such-host` for one that the lab does not have. */
export interface Lab {
  readonly name: string;
  /** Six hexadecimal digits that the names of its links, cgroups and containers carry. */
  readonly id: string;
  /** Makes hosts run; those that do are left alone. Resolves when ssh answers on each. A failure or an abort takes back what it began. */
  up(options: UpOptions): Promise<readonly LabHost[]>;
  list(): Promise<readonly LabHost[]>;
  /** The command line of OpenSSH's client for a host: it logs in by key and knows the host's own. The words of a command are given to a shell there. */
  ssh(name: string, command?: readonly string[], options?: SshOptions): Promise<readonly string[]>;
  /** The password of root, op and opp on every host. */
  password(): Promise<string>;
  /** Pulls the host's network cable; `join` plugs it in again. */
  cut(name: string, options?: Abortable): Promise<void>;
  join(name: string, options?: Abortable): Promise<void>;
  /** Stops every process of the host where it is; `thaw` lets them go on. */
  freeze(name: string, options?: Abortable): Promise<void>;
  thaw(name: string, options?: Abortable): Promise<void>;
  /** Power loss: every process of the host is gone at once. Its disk stays. */
  kill(name: string, options?: Abortable): Promise<void>;
  /** Power on again, until ssh answers; a host that runs is left alone. */
  start(name: string, options?: Abortable): Promise<void>;
  /** The host as it was when new: same address, same key, pristine disk; running. */
  reset(name: string, options?: Abortable & { readonly onEvent?: OnLabEvent | undefined }): Promise<void>;
  /** Removes all of the lab, also what a crash left; with `cache` the base systems too. A lab that is not there is no error. */
  down(options?: Abortable & { readonly cache?: boolean | undefined }): Promise<void>;
}

/** Throws `bad-lab-name`. Touches nothing until one of its methods is called. */
export function openLab(options: LabOptions = {}): Lab {
  const name = options.name ?? 'default';
  const paths = labPaths(options.directory ?? defaultDirectory(process.env), name);
  const open = async () => labContext(name, paths, await readCgroupLayout());
  const locked = async <T>(signal: AbortSignal | undefined, work: (context: LabContext, signal: AbortSignal) => Promise<T>): Promise<T> => {
    await using _ = await acquireLock(`lab ${paths.lab}`, signal);
    return await work(await open(), signal ?? new AbortController().signal);
  };
  const running = async (host: string, states: readonly HostState[]) => {
    const context = await open();
    const record = recordOf(context, await readState(paths.state), host);
    const state = await stateOf(context, record);
    if (!states.includes(state))
      throw new LabError('wrong-host-state', `${host} is ${state}`, { exitCode: 2, hint: `start it first: sealos lab start ${host}` });
    return context;
  };
  const list = async () => await listHosts(await open());

  return {
    name,
    id: labIdOf(paths),
    list,
    async up({ count, memory, packages = [], onEvent = () => {}, signal }) {
      if (!Number.isInteger(count) || count < 1 || count > MAX_HOSTS) {
        throw badInput('bad-host-count', `a lab has 1 to ${MAX_HOSTS} hosts, not ${count}`);
      }
      await checkMachine();
      return await locked(signal, async (context, either) => {
        await bringUp(context, { count, memory, packages, onEvent, signal: either });
        return (await list()).filter((host) => (hostNumber(host.name) ?? 0) <= count);
      });
    },
    async ssh(host, command = [], { user = 'root' } = {}) {
      const state = await readState(paths.state);
      const record = recordOf(await open(), state, host);
      const target = `${user}@${addressOf(state, hostNumber(record.name) ?? 0)}`;
      return [...sshArguments(paths.key, paths.knownHosts), target, ...(command.length > 0 ? ['--', ...command] : [])];
    },
    password: () => readPassword(paths),
    async cut(host, { signal } = {}) {
      const context = await running(host, ['running', 'cut', 'frozen']);
      await setConnected(context.id, host, false, signal);
    },
    async join(host, { signal } = {}) {
      const context = await running(host, ['running', 'cut', 'frozen']);
      await setConnected(context.id, host, true, signal);
    },
    async freeze(host, { signal } = {}) {
      const context = await running(host, ['running', 'cut', 'frozen']);
      await setFrozen(context.cgroups, context.id, host, true, signal);
    },
    async thaw(host, { signal } = {}) {
      const context = await running(host, ['running', 'cut', 'frozen']);
      await setFrozen(context.cgroups, context.id, host, false, signal);
    },
    kill: (host, { signal } = {}) =>
      locked(signal, async (context) => await powerOff(context, recordOf(context, await readState(paths.state), host))),
    start: (host, { signal } = {}) =>
      locked(signal, async (context, either) => {
        const state = await openState(paths.state);
        const record = recordOf(context, state.current(), host);
        if (livingProcess(record)) return;
        await restoreBridge(context, state, either);
        await startHost(context, state, host, either);
      }),
    reset: (host, { signal, onEvent = () => {} } = {}) =>
      locked(signal, async (context, either) => {
        const state = await openState(paths.state);
        const record = recordOf(context, state.current(), host);
        const base = await ensureBase(paths.directory, { packages: record.packages ?? [], onEvent, signal: either });
        await powerOff(context, record);
        await discard(context, host);
        await restoreBridge(context, state, either);
        await bringUpHost({ context, state, base: async () => base, onEvent, signal: either }, host);
      }),
    async down({ signal, cache = false } = {}) {
      await locked(signal, async (context, either) => {
        await takeDown(context);
        if (cache) await removeBases(paths.directory, either);
      });
    },
  };
}

/** A machine that was itself restarted has lost the bridge. */
async function restoreBridge(context: LabContext, state: StateFile, signal: AbortSignal): Promise<void> {
  await ensureBridge(context.id, state.current().subnet, (subnet) => state.update((now) => ({ ...now, subnet })), signal);
}

async function listHosts(context: LabContext): Promise<readonly LabHost[]> {
  const { paths } = context;
  const state = await readState(paths.state);
  return await Promise.all(
    state.hosts.map(async (record) => {
      const place = hostPaths(paths, record.name);
      return {
        name: record.name,
        ip: addressOf(state, hostNumber(record.name) ?? 0),
        port: 22,
        sshKey: paths.key,
        knownHosts: paths.knownHosts,
        passwordFile: paths.password,
        consoleLog: place.console,
        root: place.root,
        pid: livingProcess(record)?.pid,
        state: await stateOf(context, record),
      } satisfies LabHost;
    }),
  );
}

/** OpenSSH's client, told to use nothing of the user's own configuration, agent or known hosts. */
export function sshArguments(key: string, knownHosts: string): readonly string[] {
  const settings = [
    'IdentitiesOnly=yes',
    'StrictHostKeyChecking=yes',
    'GlobalKnownHostsFile=/dev/null',
    `UserKnownHostsFile="${knownHosts}"`,
  ];
  return ['ssh', '-F', 'none', '-i', key, ...settings.flatMap((setting) => ['-o', setting]), '-o', 'ConnectTimeout=10'];
}
