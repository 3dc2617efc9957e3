import { join, posix } from 'node:path';
import { badInput } from '@sealos/image';
import { type Cluster, clusterHosts, masters } from '../cluster/cluster.ts';
import { DISTRIBUTIONS } from '../distribution.ts';
import type { OnRunEvent } from '../event.ts';
import { executePlan } from '../execute.ts';
import type { Host } from '../host/host.ts';
import { openJournal } from '../journal.ts';
import { ETCD_OF_K3S, refuseK3s } from '../k3s/cluster-distribution.ts';
import { type PartlyReachedHosts, reachWhatAnswers } from '../run/reach-hosts.ts';
import { storedCluster } from '../run/stored-cluster.ts';
import { copiedSecrets } from '../state/copied-secrets.ts';
import { lastingClusterfile } from '../state/lasting-clusterfile.ts';
import type { ClusterState } from '../state/state.ts';
import type { Step } from '../step.ts';
import { clusterStateStep } from '../steps/cluster-state.ts';
import { type EtcdPod, readEtcdPod } from './etcd-pod.ts';
import { etcdIdentity } from './identity.ts';
import { type EtcdTarget, onlyHosts } from './masters.ts';
import { restorePlan, tidyHost } from './restore-plan.ts';
import type { RestoreTarget } from './restore-prepare.ts';
import { beginRestore, type RestoreRecord, readRestore, writeRestore } from './restore-record.ts';
import { readObject } from './s3-objects.ts';
import type { S3Target } from './s3-target.ts';
import { type SnapshotFile, verifySnapshot, writeSnapshot } from './snapshot-file.ts';

export interface RestoreOptions extends EtcdTarget {
  /** A snapshot on this machine, or in the storage: then `prefix` is the object's whole key. */
  readonly source: { readonly kind: 'file'; readonly path: string } | { readonly kind: 's3'; readonly target: S3Target };
  /** Control-plane hosts that are lost: the cluster goes on without them. Addresses. */
  readonly without: readonly string[];
  /** Asked when the snapshot is found to be whole and before any host is touched; resolves when it may go on, throws otherwise. */
  readonly confirm: (cluster: Cluster, snapshot: SnapshotFile) => Promise<void>;
  readonly dryRun: boolean;
  readonly onEvent: OnRunEvent;
}

export interface RestoreResult {
  readonly snapshot: SnapshotFile;
  readonly masters: readonly string[];
  /** Where each master's data of before lies, as it is called next to the data directory. */
  readonly aside: string;
}

/**
 * `sealos etcd restore`: brings a cluster's data back to what a snapshot holds, on all control-plane hosts. A snapshot that is not whole, a
 * host that does not answer, or one without etcd is refused (exit 2) before anything is touched; from then on the same call goes on where
 * it was interrupted.
 */
export async function restoreCluster(options: RestoreOptions): Promise<RestoreResult> {
  const { signal, onEvent, dryRun } = options;
  const { state } = await storedCluster(options.cluster, options.ssh);
  await using _lock = await state.lock('etcd restore');
  const { stored } = await storedCluster(options.cluster, options.ssh);
  refuseK3s(stored.cluster, ...ETCD_OF_K3S);
  const chosen = partOf(stored.cluster, options.without);
  const snapshot = await snapshotOf(options, join(state.home, 'backups'));
  if (!dryRun) await options.confirm(stored.cluster, snapshot);

  await using hosts = await reachWhatAnswers(onlyHosts(stored.cluster, chosen), options.connection, signal);
  const participants = mastersOf(stored.cluster, chosen, hosts);
  for (const { error } of hosts.unreached) {
    onEvent({ at: new Date().toISOString(), kind: 'warning', message: error instanceof Error ? error.message : String(error) });
  }
  const identity = await etcdIdentity(state.pki, participants, signal);
  const targets = targetsOf(await Promise.all(participants.map(async (host) => ({ host, pod: await readEtcdPod(host, signal) }))));
  const ips = participants.map(({ address }) => address.ip);
  const record = beginRestore(await readRestore(state), snapshot.sha256, ips);
  const restoring = restorePlan({
    operation: record,
    snapshot,
    targets,
    masters: participants.map(({ address }) => address),
    everyone: hosts.reached.map(({ spec }) => spec.address),
    identity,
  });
  const plan = { steps: [...restoring.steps, await stateStep(state, participants)] };
  const result = { snapshot, masters: ips, aside: `before-restore-${record.begun}` };
  if (dryRun) {
    await executePlan(plan, hosts.hostOf, { onEvent, signal, dryRun });
    return result;
  }
  await using journal = await openJournal(state.logs, 'etcd-restore');
  const remember = (phase: RestoreRecord['phase']) => writeRestore(state, { ...record, phase });
  if (record.phase === 'begun') {
    await remember('begun');
    await executePlan(plan, hosts.hostOf, {
      signal,
      onEvent: (event) => {
        journal.onEvent(event);
        onEvent(event);
      },
    });
    // Before anything is tidied up: a host that is tidied no longer tells that it was done.
    await remember('restored');
  }
  await Promise.all(
    participants.map(async (host) => {
      const target = targets.get(host.address.ip);
      if (target) await tidyHost(host, target, signal);
    }),
  );
  await remember('done');
  return result;
}

/** The cluster's copy of the state is as old as the snapshot: it is written anew. */
async function stateStep(state: ClusterState, participants: readonly Host[]): Promise<Step> {
  const [seat] = participants;
  const file = await state.read();
  if (!seat || !file) throw badInput('no-cluster', `cluster '${state.cluster}' was removed meanwhile`);
  return clusterStateStep({
    seat: seat.address,
    kubeconfig: DISTRIBUTIONS.kubernetes.kubeconfig,
    needs: ['api-wait'],
    copy: async () => ({ clusterfile: lastingClusterfile(file, file.cluster.createdAt), secrets: await copiedSecrets(state) }),
  });
}

/** The hosts without those that are lost. Throws bad input for strangers and where no master is left. */
function partOf(cluster: Cluster, without: readonly string[]) {
  const stranger = without.find((ip) => !masters(cluster).some(({ address }) => address.ip === ip));
  if (stranger !== undefined) throw badInput('no-such-host', `${stranger} is no control-plane host of cluster '${cluster.name}'`);
  const chosen = clusterHosts(cluster).filter(({ address }) => !without.includes(address.ip));
  if (chosen.some(({ roles }) => roles.includes('master'))) return chosen;
  throw badInput('no-such-host', 'no control-plane host is left to restore onto');
}

/** All masters that take part: each must answer, or the cluster would come back torn in two. */
function mastersOf(
  cluster: Cluster,
  chosen: readonly { readonly address: { readonly ip: string } }[],
  hosts: PartlyReachedHosts,
): readonly Host[] {
  const wanted = masters(cluster).filter(({ address }) => chosen.some((one) => one.address.ip === address.ip));
  const lost = hosts.unreached.filter(({ spec }) => wanted.some(({ address }) => address.ip === spec.address.ip));
  const [first] = lost;
  if (first) {
    const why = first.error instanceof Error ? first.error.message : String(first.error);
    throw badInput(
      'unreachable',
      `a restore works on all control-plane hosts, and ${lost.length === 1 ? 'one does' : `${lost.length} do`} not answer: ${why}`,
      `bring it back, or leave it out for good: --without ${lost.map(({ spec }) => spec.address.ip).join(',')}`,
    );
  }
  return wanted.map(({ address }) => hosts.hostOf(address));
}

function targetsOf(found: readonly { readonly host: Host; readonly pod: EtcdPod }[]): ReadonlyMap<string, RestoreTarget> {
  const names = new Set(found.map(({ pod }) => pod.name));
  if (names.size < found.length) throw badInput('bad-etcd', 'two control-plane hosts have members of etcd with the same name');
  const initialCluster = found.flatMap(({ pod }) => pod.peerUrls.map((url) => `${pod.name}=${url}`)).join(',');
  return new Map(found.map(({ host, pod }) => [host.address.ip, { pod, initialCluster }]));
}

async function snapshotOf({ source, signal }: RestoreOptions, backups: string): Promise<SnapshotFile> {
  if (source.kind === 'file') return verifySnapshot(source.path, signal);
  const { target } = source;
  const name = posix.basename(target.prefix);
  if (name === '') throw badInput('bad-s3', `s3://${target.bucket} names no object`, 'write s3://BUCKET/PREFIX/NAME');
  const local = join(backups, name);
  const there = await verifySnapshot(local, signal).catch(() => undefined);
  signal.throwIfAborted();
  return there ?? writeSnapshot(local, readObject(target, target.prefix, signal), { signal });
}
