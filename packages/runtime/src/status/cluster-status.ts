import { join } from 'node:path';
import { type Cluster, type ClusterHost, clusterHosts, masters, registryHosts, type Ssh } from '../cluster/cluster.ts';
import { type EtcdHealth, etcdHealth } from '../etcd/health.ts';
import { etcdIdentity } from '../etcd/identity.ts';
import { hostName } from '../host/host-name.ts';
import { distributionOf } from '../k3s/cluster-distribution.ts';
import { hostLayout } from '../layout.ts';
import { API_NAME } from '../run/prepare.ts';
import { type Connection, reachWhatAnswers } from '../run/reach-hosts.ts';
import { storedCluster } from '../run/stored-cluster.ts';
import { lockOwner } from '../state/lock.ts';
import type { ClusterState } from '../state/state.ts';
import { applicationStepId } from '../steps/application.ts';
import { markerName } from '../steps/marker.ts';
import { type SeenHost, unseenHost, viewHost } from './host-view.ts';
import { kubernetesView } from './kubernetes-view.ts';
import { findProblems } from './problems.ts';
import { registryView } from './registry-view.ts';
import type { ApplicationReport, ClusterReport, HostReport } from './report.ts';

export interface ClusterStatusOptions {
  readonly cluster: string;
  readonly ssh: Ssh;
  readonly connection: Connection;
  /** Milliseconds that one host may take to connect, and again to answer; one that takes longer is told as down. */
  readonly hostTimeout?: number;
  readonly signal: AbortSignal;
}

const HOST_TIMEOUT = 10_000;

/** A host with its connection, or why there is none. */
type Looked = { readonly report: HostReport; readonly seen?: SeenHost };

/** Connects to one host and asks it, within the time: a host that is frozen accepts a connection and then says nothing. */
async function lookAt(
  spec: ClusterHost,
  cluster: Cluster,
  { connection, signal, hostTimeout = HOST_TIMEOUT }: ClusterStatusOptions,
  open: AsyncDisposableStack,
): Promise<Looked> {
  const late = `no answer within ${hostTimeout / 1000} s`;
  const reaching = AbortSignal.timeout(hostTimeout);
  try {
    const group = { ips: [spec.address], roles: spec.roles, env: spec.env, ssh: spec.ssh };
    const hosts = await reachWhatAnswers({ ...cluster, hosts: [group] }, connection, AbortSignal.any([signal, reaching]));
    open.use(hosts);
    const [reached] = hosts.reached;
    if (!reached) return { report: unseenHost(spec, messageOf(hosts.unreached[0]?.error)) };
    const seen = await viewHost(reached, { layout: hostLayout(cluster.name), apiName: API_NAME, timeout: hostTimeout, signal });
    return { report: seen.report, seen };
  } catch (error) {
    signal.throwIfAborted();
    return { report: unseenHost(spec, reaching.aborted ? late : messageOf(error)) };
  }
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

async function etcdOf(
  state: ClusterState,
  cluster: Cluster,
  looked: readonly Looked[],
  timeout: number,
  signal: AbortSignal,
): Promise<EtcdHealth | undefined> {
  const control = looked.filter(({ report }) => masters(cluster).some(({ address }) => address.ip === report.ip));
  const hosts = control.flatMap(({ seen }) => (seen ? [seen.reached.host] : []));
  if (hosts.length === 0) return undefined;
  const bounded = AbortSignal.any([signal, AbortSignal.timeout(timeout * 2)]);
  const unreached = control.flatMap(({ report }) =>
    report.unreachable === undefined ? [] : [{ name: report.host, ip: report.ip, why: report.unreachable }],
  );
  try {
    return await etcdHealth({ masters: hosts, unreached, identity: await etcdIdentity(state.pki, hosts, bounded), signal: bounded });
  } catch {
    // Outside of the cluster, or of another make: the API's own checks tell of it.
    signal.throwIfAborted();
    return undefined;
  }
}

/** Every image of the cluster, and when its commands last ended well, as the hosts recorded it. */
function applicationsOf(cluster: Cluster, seen: readonly SeenHost[]): readonly ApplicationReport[] {
  return cluster.status.mounts.map((mount) => {
    const marker = markerName(applicationStepId(mount.imageName));
    const times = seen.flatMap(({ answers }) => answers.markers.get(marker) ?? []);
    return { name: mount.name, image: mount.imageName, type: mount.type, digest: mount.digest, ranAt: times.sort().at(-1) };
  });
}

/**
 * `sealos status`: how a cluster is, from everything that answers. Whatever is down is told as such and everything else is still looked
 * at; nothing is changed. Throws `no-cluster` (exit 2), and what the signal says.
 */
export async function clusterStatus(options: ClusterStatusOptions): Promise<ClusterReport> {
  const { signal, hostTimeout: timeout = HOST_TIMEOUT } = options;
  const { state, stored } = await storedCluster(options.cluster, options.ssh);
  const { cluster } = stored;
  const distribution = distributionOf(cluster);
  await using open = new AsyncDisposableStack();
  const looked = await Promise.all(clusterHosts(cluster).map((spec) => lookAt(spec, cluster, options, open)));
  const seen = looked.flatMap((host) => host.seen ?? []);

  const registrySpecs = registryHosts(cluster);
  const isRegistry = ({ reached }: SeenHost) => registrySpecs.some(({ address }) => address.ip === reached.spec.address.ip);
  // The ones whose API server serves are asked first.
  const control = seen
    .filter(({ reached }) => reached.spec.roles.includes('master'))
    .toSorted((one, other) => Number(other.report.api.server === 'ok') - Number(one.report.api.server === 'ok'));
  const registry = seen.find(({ answers }) => answers.registry)?.answers.registry;
  const [kubernetes, etcd, registryReport, busy] = await Promise.all([
    kubernetesView(
      control.map(({ reached }) => reached.host),
      distribution.kubeconfig,
      timeout,
      signal,
    ),
    distribution.name === 'k3s' ? undefined : etcdOf(state, cluster, looked, timeout, signal),
    registryView(
      seen.filter(isRegistry).map(({ reached }) => reached.host),
      registrySpecs.map(({ address }) => hostName(address)),
      hostLayout(cluster.name),
      registry && `${registry.domain}:${registry.port}`,
      AbortSignal.any([signal, AbortSignal.timeout(timeout)]),
    ),
    lockOwner(join(state.home, 'lock')),
  ]);
  const found = {
    name: cluster.name,
    phase: cluster.status.phase,
    createdAt: cluster.createdAt,
    busy: busy && `${busy.command} (process ${busy.pid} on ${busy.host}, since ${busy.since})`,
    images: cluster.images,
    hosts: looked.map(({ report }) => report),
    registry: registryReport,
    kubernetes,
    etcd,
    applications: applicationsOf(cluster, seen),
  };
  const conditions = [...cluster.status.conditions, ...cluster.status.commandConditions];
  return { ...found, problems: findProblems({ ...found, conditions }, Date.now()) };
}
