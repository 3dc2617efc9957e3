import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { cgroupLayout } from './cgroup-layout.ts';
import { searchPath, tryCommand } from './command.ts';
import { LabError } from './error.ts';
import { readMounts } from './remove-tree.ts';

/** The programs that a lab calls, and the Debian and Ubuntu packages that hold them. */
const PROGRAMS: Readonly<Record<string, string>> = {
  'systemd-nspawn': 'systemd-container',
  debootstrap: 'debootstrap',
  ip: 'iproute2',
  'ssh-keygen': 'openssh-client',
  unshare: 'util-linux',
  setpriv: 'util-linux',
};

/** What stands against a lab on this machine, or nothing. Pure: the facts are gathered by `checkMachine`. */
export interface MachineFacts {
  readonly platform: string;
  readonly uid: number;
  /** Programs that are not there. */
  readonly missing: readonly string[];
  readonly hasCgroups: boolean;
  /** What the kernel said to a bridge and a veth pair in a network namespace of their own; empty when it made them. */
  readonly networkRefusal: string;
}

/** The reason why there can be no lab here, with what to do about it; undefined when there can. */
export function refusal(facts: MachineFacts): LabError | undefined {
  const refuse = (code: string, message: string, hint: string) => new LabError(code, message, { exitCode: 2, hint });
  if (facts.platform !== 'linux') return refuse('not-linux', 'servers can only be made on Linux', 'use a Linux machine, or a virtual one');
  if (facts.uid !== 0)
    return refuse('not-root', 'making servers needs root: they get a network and cgroups of their own', 'run the command with sudo');
  if (facts.missing.length > 0) {
    const packages = [...new Set(facts.missing.map((program) => PROGRAMS[program] ?? program))];
    const names = facts.missing.join(', ');
    return refuse(
      'tool-missing',
      `making servers needs ${names}, not found on this machine`,
      `install: apt-get install ${packages.join(' ')}`,
    );
  }
  if (!facts.hasCgroups)
    return refuse('no-cgroups', 'no cgroup file system is mounted', 'mount one: mount -t cgroup2 cgroup2 /sys/fs/cgroup');
  if (facts.networkRefusal !== '') {
    const hint = 'the kernel needs bridge and veth (modprobe bridge veth), and a container that runs this needs to be privileged';
    return refuse('no-bridge', `this machine cannot make a network for servers: ${facts.networkRefusal}`, hint);
  }
  return undefined;
}

/** Throws, in one line, why servers cannot be made on this machine. Changes nothing. */
export async function checkMachine(): Promise<void> {
  const early = {
    platform: process.platform,
    uid: process.getuid?.() ?? -1,
    missing: await missingPrograms(),
    hasCgroups: true,
    networkRefusal: '',
  };
  const first = refusal(early);
  if (first) throw first;
  const hasCgroups = cgroupLayout(await readMounts()) !== undefined;
  const found = refusal({ ...early, hasCgroups, networkRefusal: await probeNetwork() });
  if (found) throw found;
}

async function missingPrograms(): Promise<readonly string[]> {
  const missing: string[] = [];
  for (const program of Object.keys(PROGRAMS)) if (!(await isInPath(program))) missing.push(program);
  return missing;
}

async function isInPath(program: string): Promise<boolean> {
  for (const directory of searchPath.split(delimiter)) {
    const found = await access(join(directory, program), constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return true;
  }
  return false;
}

/** Tries it in a network namespace that ends with the command. */
async function probeNetwork(): Promise<string> {
  const probe = 'ip link add b0 type bridge && ip link add v0 type veth peer name v1 && ip link set v0 master b0';
  const { status, tail } = await tryCommand(['unshare', '--net', '--', 'sh', '-c', probe]);
  return status === 0 ? '' : tail.split('\n').at(-1) || `exit status ${status}`;
}
