import { SealosError } from '@sealos/image';
import type { Cluster, Ssh } from '../cluster/cluster.ts';
import type { RunEvent } from '../event.ts';
import { undoPlan } from '../execute.ts';
import { openJournal } from '../journal.ts';
import { planCluster } from '../plan/plan-cluster.ts';
import { openState } from '../state/state.ts';
import { givenEnvironment } from './given-environment.ts';
import { type Connection, joinFailures, reachWhatAnswers } from './reach-hosts.ts';
import { storedPlanInput } from './stored-plan.ts';

export interface ResetClusterOptions {
  readonly cluster: string;
  readonly ssh: Ssh;
  readonly connection: Connection;
  readonly sealosVersion: string;
  /** Asked once the cluster is known; resolves when it may go on, throws otherwise. */
  readonly confirm: (cluster: Cluster) => Promise<void>;
  /** Goes on without the hosts that do not answer; what is on them stays there. */
  readonly force: boolean;
  readonly timeout: number | undefined;
  readonly onEvent: (event: RunEvent) => void;
  readonly signal: AbortSignal;
}

/**
 * `sealos reset`: undoes every step of a run, the last first, on all hosts. Fails when anything could not be undone; the state is kept
 * then, and the same call tries again.
 */
export async function resetCluster(options: ResetClusterOptions): Promise<{ readonly hosts: number }> {
  const { signal, onEvent } = options;
  const state = await openState(options.cluster);
  if (!(await state.read())) {
    throw new SealosError('no-cluster', `there is no cluster '${options.cluster}' in ${state.home}`, {
      exitCode: 2,
      hint: 'name another with --cluster',
    });
  }
  await using _lock = await state.lock('reset');
  const stored = await state.read();
  if (!stored) throw new SealosError('no-cluster', `cluster '${options.cluster}' was removed meanwhile`, { exitCode: 2 });
  const cluster: Cluster = { ...stored.cluster, ssh: { ...stored.cluster.ssh, ...options.ssh } };
  await options.confirm(cluster);
  await using hosts = await reachWhatAnswers(cluster, options.connection, signal);
  if (hosts.unreached.length > 0 && (!options.force || hosts.reached.length === 0))
    throw joinFailures(hosts.unreached.map(({ error }) => error));
  for (const { spec } of hosts.unreached) {
    const message = `${spec.address.ip} does not answer: what is on it stays there`;
    onEvent({ at: new Date().toISOString(), kind: 'warning', message });
  }
  const given = await givenEnvironment(state, new Set(), new Map());
  const input = await storedPlanInput({ ...options, cluster, hosts, given });
  await using journal = await openJournal(state.logs, 'reset');
  await undoPlan(planCluster(input), hosts.hostOf, {
    signal,
    onEvent: (event) => {
      journal.onEvent(event);
      onEvent(event);
    },
  });
  await state.retire();
  return { hosts: hosts.reached.length };
}
