import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type CgroupLayout, cgroupLayout, freezerHierarchy, hostGroups, labGroup } from './cgroup-layout.ts';
import { LabError } from './error.ts';
import { signalProcess, until } from './process.ts';
import { readMounts } from './remove-tree.ts';

/** How long the kernel may take to end or freeze what a cgroup holds, in milliseconds. */
const PATIENCE = 15_000;

/** The machine's cgroups. Throws `no-cgroups` when none are mounted. */
export async function readCgroupLayout(): Promise<CgroupLayout> {
  const layout = cgroupLayout(await readMounts());
  if (layout) return layout;
  throw new LabError('no-cgroups', 'no cgroup file system is mounted on this machine', {
    exitCode: 2,
    hint: 'mount one: mount -t cgroup2 cgroup2 /sys/fs/cgroup',
  });
}

/** Makes a host's cgroup in every hierarchy, limited to that much memory (bytes) if said so. What is there already stays. */
export async function makeGroups(
  layout: CgroupLayout,
  labId: string,
  host: string,
  memory: number | undefined,
): Promise<readonly string[]> {
  for (const { path } of layout.hierarchies) {
    const lab = join(path, labGroup(labId));
    await makeGroup(path, lab, layout);
    await makeGroup(lab, join(lab, host), layout);
  }
  const groups = hostGroups(layout, labId, host);
  if (memory !== undefined) await limitMemory(layout, groups, memory);
  return groups;
}

async function makeGroup(parent: string, group: string, layout: CgroupLayout): Promise<void> {
  // v2: a controller is at hand below a cgroup only where the parent says so; each on its own, as not every kernel has all of them.
  if (layout.version === 2) {
    const controllers = (await readText(join(parent, 'cgroup.controllers'))).trim().split(/\s+/);
    for (const name of controllers.filter(Boolean)) await writeFile(join(parent, 'cgroup.subtree_control'), `+${name}`).catch(() => {});
  }
  try {
    await mkdir(group, { recursive: true });
  } catch (cause) {
    throw new LabError('cgroup-not-made', `the cgroup ${group} cannot be made: ${messageOf(cause)}`, { cause });
  }
  // v1: a new cpuset has no processors and no memory nodes, and nothing may enter it before it has.
  for (const file of ['cpuset.cpus', 'cpuset.mems']) {
    if (layout.version === 2) continue;
    const value = (await readText(join(parent, file))).trim();
    if (value !== '') await writeFile(join(group, file), value);
  }
}

async function limitMemory(layout: CgroupLayout, groups: readonly string[], bytes: number): Promise<void> {
  const index = layout.version === 2 ? 0 : layout.hierarchies.findIndex(({ controllers }) => controllers.includes('memory'));
  const group = groups[index];
  if (group === undefined) throw new LabError('no-memory-cgroup', 'this kernel cannot limit the memory of a host: it has no memory cgroup');
  await writeFile(join(group, layout.version === 2 ? 'memory.max' : 'memory.limit_in_bytes'), String(bytes));
}

/** Every process in these cgroups and below. */
export async function groupProcesses(groups: readonly string[]): Promise<readonly number[]> {
  const pids = new Set<number>();
  for (const group of groups) {
    for (const directory of await subtree(group)) {
      const text = await readText(join(directory, 'cgroup.procs'));
      for (const pid of text.split('\n')) if (Number(pid) > 0) pids.add(Number(pid));
    }
  }
  return [...pids];
}

/** Stops or resumes everything in a host's cgroup. Throws `no-freezer` on a v1 machine without that controller. */
export async function setFrozen(layout: CgroupLayout, labId: string, host: string, frozen: boolean, signal?: AbortSignal): Promise<void> {
  const hierarchy = freezerHierarchy(layout);
  if (!hierarchy) throw new LabError('no-freezer', 'this kernel cannot freeze a host: it has no freezer cgroup');
  const group = join(hierarchy.path, labGroup(labId), host);
  if (layout.version === 2) await writeFile(join(group, 'cgroup.freeze'), frozen ? '1' : '0');
  else await writeFile(join(group, 'freezer.state'), frozen ? 'FROZEN' : 'THAWED');
  const reached = await until(async () => (await isFrozen(layout, labId, host)) === frozen, PATIENCE, signal);
  if (!reached) throw new LabError('not-frozen', `${host} could not be ${frozen ? 'frozen' : 'thawed'} within ${PATIENCE / 1000} s`);
}

export async function isFrozen(layout: CgroupLayout, labId: string, host: string): Promise<boolean> {
  const hierarchy = freezerHierarchy(layout);
  if (!hierarchy) return false;
  const group = join(hierarchy.path, labGroup(labId), host);
  if (layout.version === 2) return /^frozen 1$/m.test(await readText(join(group, 'cgroup.events')));
  return (await readText(join(group, 'freezer.state'))).trim() === 'FROZEN';
}

/** Kills everything in a host's cgroups, frozen or not, and removes them. Groups that are not there are no error. */
export async function removeGroups(layout: CgroupLayout, labId: string, host: string): Promise<void> {
  const groups = hostGroups(layout, labId, host);
  const freezer = freezerHierarchy(layout);
  const gone = await until(async () => {
    const pids = await groupProcesses(groups);
    for (const pid of pids) signalProcess(pid, 'SIGKILL');
    // v1: a frozen process dies when it is thawed.
    if (layout.version === 1 && freezer) {
      await writeFile(join(freezer.path, labGroup(labId), host, 'freezer.state'), 'THAWED').catch(() => {});
    }
    return pids.length === 0;
  }, PATIENCE);
  if (!gone) throw new LabError('not-stopped', `processes of ${host} do not end: ${(await groupProcesses(groups)).join(' ')}`);
  for (const group of groups) await removeGroup(group);
}

/** The hosts that have a cgroup in this lab. */
export async function groupedHosts(layout: CgroupLayout, labId: string): Promise<readonly string[]> {
  const found = new Set<string>();
  for (const { path } of layout.hierarchies) for (const name of await directories(join(path, labGroup(labId)))) found.add(name);
  return [...found];
}

/** Removes the cgroup that held a lab's hosts, once they are gone. */
export async function removeLabGroups(layout: CgroupLayout, labId: string): Promise<void> {
  for (const { path } of layout.hierarchies) await removeGroup(join(path, labGroup(labId)));
}

async function removeGroup(group: string): Promise<void> {
  let last = '';
  const removed = await until(async () => {
    // A process that just ended keeps its cgroup busy for a moment.
    for (const directory of await subtree(group)) {
      await rmdir(directory).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') last = error.message;
      });
    }
    return (await subtree(group)).length === 0;
  }, PATIENCE);
  if (!removed) throw new LabError('cgroup-not-removed', `the cgroup ${group} cannot be removed: ${last}`);
}

/** A cgroup and all below it, the deepest first; none when it is not there. */
async function subtree(group: string): Promise<readonly string[]> {
  const below: string[] = [];
  for (const child of await directories(group)) below.push(...(await subtree(join(group, child))));
  return (await exists(group)) ? [...below, group] : below;
}

async function directories(path: string): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}

async function exists(group: string): Promise<boolean> {
  return await readdir(group).then(
    () => true,
    () => false,
  );
}

async function readText(path: string): Promise<string> {
  return await readFile(path, 'utf8').catch(() => '');
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
