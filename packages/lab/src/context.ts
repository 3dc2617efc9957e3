import type { CgroupLayout } from './cgroup-layout.ts';
import { badInput } from './error.ts';
import { type LabPaths, labIdOf } from './layout.ts';
import type { HostRecord, LabState } from './state.ts';
import { hostAddress } from './subnet.ts';

/** What every operation on a lab needs to know. */
export interface LabContext {
  readonly name: string;
  readonly id: string;
  readonly paths: LabPaths;
  readonly cgroups: CgroupLayout;
}

export function labContext(name: string, paths: LabPaths, cgroups: CgroupLayout): LabContext {
  return { name, id: labIdOf(paths), paths, cgroups };
}

/** running: its network may still be coming up. cut: without network. frozen: none of its processes runs. stopped: without power. */
export type HostState = 'running' | 'cut' | 'frozen' | 'stopped';

/** A server of the lab as others see it. */
export interface LabHost {
  readonly name: string;
  readonly ip: string;
  readonly port: 22;
  /** File names: the private key that logs in as root, op and opp, and the host keys to expect. */
  readonly sshKey: string;
  readonly knownHosts: string;
  /** The file that holds the password of root, op and opp. */
  readonly passwordFile: string;
  /** What its console printed since it was last started. */
  readonly consoleLog: string;
  /** Its root directory, on this machine. */
  readonly root: string;
  /** The pid of its systemd-nspawn; undefined when stopped. */
  readonly pid: number | undefined;
  readonly state: HostState;
}

/** The host of that name. Throws `no-such-host`, naming those there are. */
export function recordOf(context: LabContext, state: LabState, name: string): HostRecord {
  const record = state.hosts.find((host) => host.name === name);
  if (record) return record;
  const names = state.hosts.map((host) => host.name).join(', ');
  throw badInput(
    'no-such-host',
    `lab '${context.name}' has no host '${name}'`,
    names ? `it has ${names}` : 'it has none: take it up first',
  );
}

/** The address of the host with that number. */
export function addressOf(state: LabState, number: number): string {
  // Without a subnet there is no bridge and no host yet: `up` writes it before anything else.
  return hostAddress(state.subnet ?? 0, number);
}
