import { SealosError } from '@sealos/image';
import { type Cluster, masters, type Ssh } from '../cluster/cluster.ts';
import type { Host } from '../host/host.ts';
import { ETCD_OF_K3S, refuseK3s } from '../k3s/cluster-distribution.ts';
import { type Connection, reachWhatAnswers, type UnreachedHost } from '../run/reach-hosts.ts';
import { storedCluster } from '../run/stored-cluster.ts';
import type { ClusterState } from '../state/state.ts';
import { type EtcdIdentity, etcdIdentity } from './identity.ts';

/** Which cluster's etcd, and how its control-plane hosts are reached. */
export interface EtcdTarget {
  readonly cluster: string;
  readonly ssh: Ssh;
  readonly connection: Connection;
  readonly signal: AbortSignal;
}

/** The control-plane hosts of a cluster, those that answer, and the right to speak with their etcd. */
export interface EtcdMasters extends AsyncDisposable {
  readonly state: ClusterState;
  readonly cluster: Cluster;
  readonly hosts: readonly Host[];
  readonly unreached: readonly UnreachedHost[];
  readonly identity: EtcdIdentity;
}

/** The cluster with only some of its hosts, in their order. */
export function onlyHosts(cluster: Cluster, chosen: readonly { readonly address: { readonly ip: string } }[]): Cluster {
  const ips = new Set(chosen.map(({ address }) => address.ip));
  const hosts = cluster.hosts.map((group) => ({ ...group, ips: group.ips.filter(({ ip }) => ips.has(ip)) }));
  return { ...cluster, hosts: hosts.filter((group) => group.ips.length > 0) };
}

/** Connects to the control-plane hosts of a stored cluster. One that does not answer is told in `unreached`; throws where none does. */
export async function reachEtcdMasters({ cluster: name, ssh, connection, signal }: EtcdTarget): Promise<EtcdMasters> {
  const { state, stored } = await storedCluster(name, ssh);
  refuseK3s(stored.cluster, ...ETCD_OF_K3S);
  const reached = await reachWhatAnswers(onlyHosts(stored.cluster, masters(stored.cluster)), connection, signal);
  try {
    const hosts = reached.reached.map(({ host }) => host);
    const first = reached.unreached[0];
    if (hosts.length === 0) {
      throw (
        first?.error ?? new SealosError('bad-state', `the stored Clusterfile of '${name}' names no control-plane host`, { exitCode: 2 })
      );
    }
    const identity = await etcdIdentity(state.pki, hosts, signal);
    return {
      state,
      cluster: stored.cluster,
      hosts,
      unreached: reached.unreached,
      identity,
      [Symbol.asyncDispose]: () => reached[Symbol.asyncDispose](),
    };
  } catch (error) {
    await reached[Symbol.asyncDispose]();
    throw error;
  }
}
