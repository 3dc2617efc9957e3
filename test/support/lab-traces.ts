// What a lab leaves, or must not leave, on the machine.
import { readdir, readFile, readlink, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './programs.ts';

/** A process or a network namespace seen in a lab, to look for it later: `pid start` or the namespace's own name. */
export interface Inhabitants {
  readonly processes: ReadonlySet<string>;
  readonly namespaces: ReadonlySet<string>;
}

const CGROUPS = '/sys/fs/cgroup';

async function labGroups(labId: string): Promise<readonly string[]> {
  const out = await run('find', [CGROUPS, '-type', 'd', '-path', `*sealos-lab-${labId}*`]).catch(() => '');
  return out.split('\n').filter(Boolean);
}

async function startOf(pid: string): Promise<string | undefined> {
  const line = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  const fields = line?.slice(line.lastIndexOf(')') + 2).split(' ');
  // Ended and only waiting to be reaped is ended.
  return fields === undefined || fields[0] === 'Z' ? undefined : fields[19];
}

/** Every process in the lab's cgroups and every network namespace they live in, but the machine's own. */
export async function inhabitants(labId: string): Promise<Inhabitants> {
  const own = await readlink('/proc/self/ns/net');
  const processes = new Set<string>();
  const namespaces = new Set<string>();
  for (const group of await labGroups(labId)) {
    const pids = (await readFile(join(group, 'cgroup.procs'), 'utf8').catch(() => '')).split('\n').filter(Boolean);
    for (const pid of pids) {
      const started = await startOf(pid);
      if (started !== undefined) processes.add(`${pid} ${started}`);
      const namespace = await readlink(`/proc/${pid}/ns/net`).catch(() => own);
      if (namespace !== own) namespaces.add(namespace);
    }
  }
  return { processes, namespaces };
}

async function isOfAnotherLab(pid: string, labId: string): Promise<boolean> {
  const groups = await readFile(`/proc/${pid}/cgroup`, 'utf8').catch(() => '');
  return groups.includes('/sealos-lab-') && !groups.includes(`/sealos-lab-${labId}`);
}

/** Everything on the machine that carries the lab's id or lies in its directory, and which of the inhabitants are still there; empty: nothing. */
export async function traces(labId: string, directory: string, seen: Inhabitants): Promise<readonly string[]> {
  const found: string[] = [];
  const links = (await run('ip', ['-o', 'link', 'show'])).split('\n').filter((line) => line.includes(labId));
  found.push(...links.map((line) => `link ${line}`));
  const mounts = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n');
  found.push(...mounts.filter((line) => line.includes(directory) || line.includes(labId)).map((line) => `mount ${line}`));
  found.push(...(await labGroups(labId)).map((group) => `cgroup ${group}`));
  for (const pid of (await readdir('/proc')).filter((name) => /^[0-9]+$/.test(name))) {
    const started = await startOf(pid);
    if (started === undefined) continue;
    const words = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (words.includes(directory) || words.includes(`${labId}h`)) found.push(`process ${pid} ${words.replaceAll('\0', ' ')}`);
    if (seen.processes.has(`${pid} ${started}`)) found.push(`process ${pid} of a host`);
    const namespace = await readlink(`/proc/${pid}/ns/net`).catch(() => '');
    // The kernel gives a namespace's number again: one that another lab has now is not ours any more.
    if (seen.namespaces.has(namespace) && !(await isOfAnotherLab(pid, labId))) found.push(`process ${pid} in a host's network namespace`);
  }
  for (const place of ['propagate', 'unix-export', 'locks']) {
    const names = await readdir(join('/run/systemd/nspawn', place)).catch(() => []);
    found.push(...names.filter((name) => name.startsWith(labId)).map((name) => `runtime directory ${place}/${name}`));
  }
  if (await stat(directory).catch(() => undefined)) found.push(`directory ${directory}`);
  return found;
}
