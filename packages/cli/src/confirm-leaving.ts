import type { Cluster, ClusterHost } from '@sealos/runtime';
import { interrupted } from './interrupt.ts';
import { ask } from './prompt.ts';

/** Asks whether hosts may be taken out of a cluster. Throws bad input where the answer is not yes, or where nobody can be asked. */
export async function confirmLeaving(cluster: Cluster, leaving: readonly ClusterHost[]): Promise<void> {
  const { badInput } = await import('@sealos/image/local');
  const names = leaving.map(({ address }) => address.ip).join(', ');
  if (!process.stdin.isTTY)
    throw badInput('not-confirmed', `this would take ${names} out of cluster '${cluster.name}'`, 'say so with --yes');
  const question = `This takes ${names} out of cluster '${cluster.name}' and removes everything of it from there.\nType yes to go on: `;
  const answer = await ask(question, { signal: interrupted });
  if (answer.trim() !== 'yes') throw badInput('not-confirmed', 'nothing was changed: the answer was not yes');
}
