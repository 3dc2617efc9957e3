import type { Cluster, Clusterfile, ClusterHost } from '../cluster/cluster.ts';
import type { RunEvent } from '../event.ts';
import { executePlan } from '../execute.ts';
import { parseEnvironment } from '../image-contract/environment.ts';
import { openJournal } from '../journal.ts';
import type { ClusterState } from '../state/state.ts';
import { applicationStepId } from '../steps/application.ts';
import { isMember } from '../steps/membership.ts';
import { leaveUnfinished } from '../steps/partial-master.ts';
import { beforeUpgrade } from '../upgrade/resolve-upgrade.ts';
import { drawPlan } from './draw-plan.ts';
import { givenEnvironment, keepGivenEnvironment } from './given-environment.ts';
import { disown, leftoverHosts } from './leftovers.ts';
import type { ReachedHost } from './prepare.ts';
import { joinFailures, type PartlyReachedHosts, reachWhatAnswers } from './reach-hosts.ts';
import { recorded } from './recorded.ts';
import { warner } from './warner.ts';
import { type ChangeOptions, type ChangeResult, ipsOf, meanwhile, type Wish } from './wish.ts';

/** The hosts of a change: all must answer but those that leave. */
async function reach(cluster: Cluster, leaving: readonly ClusterHost[], options: ChangeOptions): Promise<PartlyReachedHosts> {
  const groups = leaving.map((host) => ({ ips: [host.address], roles: host.roles, env: host.env, ssh: host.ssh }));
  const hosts = await reachWhatAnswers({ ...cluster, hosts: [...cluster.hosts, ...groups] }, options.connection, options.signal);
  const gone = ipsOf(leaving);
  const missed = hosts.unreached.filter(({ spec }) => !gone.has(spec.address.ip));
  if (missed.length === 0) return hosts;
  await hosts[Symbol.asyncDispose]();
  throw joinFailures(missed.map(({ error }) => error));
}

/** Control planes whose join was cut off leave etcd: with them it may be without a quorum, and the cluster could not even be asked what it is. */
async function finishLeaving(reached: readonly ReachedHost[], leftovers: readonly ReachedHost[], signal: AbortSignal): Promise<void> {
  const masters = reached.filter((one) => one.spec.roles.includes('master') && !leftovers.includes(one));
  const seat = masters.find(({ markers }) => isMember(markers));
  if (!seat) return;
  for (const { host, markers } of masters) {
    // Whoever has the name of a finished step of this cluster belongs to it.
    if (markers.size > 0 && !isMember(markers)) await leaveUnfinished(host, seat.host, { signal, onLine: () => {} });
  }
}

/**
 * Brings hosts to the cluster that is wanted: what is new is added, then what leaves is taken away. Refuses (exit 2) before anything is
 * touched whatever can be known to be wrong; from then on every step may be interrupted, and the same call goes on where it stopped.
 * The caller holds the state's lock.
 */
export async function converge(
  state: ClusterState,
  stored: Clusterfile | undefined,
  wish: Wish,
  options: ChangeOptions,
): Promise<ChangeResult> {
  const { signal, onEvent } = options;
  const commandLine = parseEnvironment(wish.env, '-e');
  const warn = warner(onEvent);
  await using hosts = await reach(wish.file.cluster, wish.leaving, options);
  for (const { spec } of hosts.unreached) warn(`${spec.address.ip} does not answer: it is only taken out of the cluster's books`);
  const leftovers = leftoverHosts(hosts.reached, stored);
  if (!options.dryRun) await finishLeaving(hosts.reached, leftovers, signal);
  const known = await givenEnvironment(state, new Set(wish.requested), commandLine);
  const drawn = await drawPlan({ ...options, state, stored, wish, hosts, leftovers, given: known, warn });
  const { steps, cluster, upgrade, given, master0 } = drawn;
  const result = { cluster: cluster.name, kubeconfig: `${state.etc}/admin.conf`, master0: master0.ip };
  if (options.dryRun) return { ...result, changed: (await executePlan({ steps }, hosts.hostOf, options)).changed };

  // Before the state names them: a call that is cut off in between must find them as new as this one did.
  for (const leftover of leftovers) await disown(leftover, cluster.name, signal);
  await keepGivenEnvironment(state, given);
  await using journal = await openJournal(state.logs, wish.verb, [wish.verb, ...wish.requested].join(' '));
  const changed = await recorded({
    before: meanwhile(upgrade && stored ? beforeUpgrade(cluster, stored.cluster) : cluster, stored),
    standing: meanwhile(cluster, stored),
    after: cluster,
    requested: wish.requested,
    applications: new Set(drawn.running.map(applicationStepId)),
    write: (written) => state.write({ ...wish.file, cluster: written }),
    async execute(watch) {
      const onAll = (event: RunEvent) => {
        watch(event);
        journal.onEvent(event);
        onEvent(event);
      };
      return (await executePlan({ steps }, hosts.hostOf, { onEvent: onAll, signal })).changed;
    },
  });
  return { ...result, changed };
}
