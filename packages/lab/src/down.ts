import { readdir } from 'node:fs/promises';
import { groupedHosts, removeLabGroups } from './cgroup.ts';
import type { LabContext } from './context.ts';
import { LabError } from './error.ts';
import { removeLeftovers } from './leftovers.ts';
import { removeNetwork } from './network.ts';
import { powerOff } from './power.ts';
import { removeTree } from './remove-tree.ts';
import { type HostRecord, hostNumber, readState } from './state.ts';

/**
 * Removes everything of a lab: what its state tells, and what carries its names although the state does not tell (a crash came first). The
 * lab's lock is held. Goes on to the end whatever is in the way, then throws what was.
 */
export async function takeDown(context: LabContext): Promise<void> {
  const { id, paths, cgroups } = context;
  const failures: unknown[] = [];
  const attempt = async (work: () => Promise<void>) => {
    await work().catch((error: unknown) => failures.push(error));
  };
  const known = await readState(paths.state).catch(() => ({ hosts: [] }));
  const records = new Map<string, HostRecord>(known.hosts.map((host) => [host.name, host]));
  for (const name of [...(await groupedHosts(cgroups, id)), ...(await readdir(paths.hosts).catch(() => []))]) {
    if (hostNumber(name) !== undefined && !records.has(name)) records.set(name, { name });
  }
  await Promise.all([...records.values()].map((record) => attempt(() => powerOff(context, record))));
  await attempt(() => removeLabGroups(cgroups, id));
  await attempt(() => removeNetwork(id));
  await attempt(() => removeLeftovers((machine) => machine.startsWith(`${id}h`)));
  await attempt(() => removeTree(paths.lab));
  if (failures.length === 0) return;
  const reasons = failures.map((error) => (error instanceof Error ? error.message : String(error)));
  throw new LabError('lab-not-removed', `lab '${context.name}' could not be removed wholly: ${reasons.join('; ')}`, { cause: failures[0] });
}
