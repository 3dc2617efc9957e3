import { isDeepStrictEqual } from 'node:util';
import { badInput } from '@sealos/image';
import type { Change } from '../changes/change.ts';
import { changesBetween, refuseImpossible } from '../changes/changes-between.ts';
import { type Cluster, type Clusterfile, type ClusterHost, clusterHosts, masters, type Ssh } from '../cluster/cluster.ts';
import { validateCluster } from '../cluster/from-flags.ts';
import { openState } from '../state/state.ts';
import { converge } from './converge.ts';
import { exists } from './desired.ts';
import { wantedKubeadmBase } from './kubeadm-base.ts';
import type { ChangeOptions, ChangeResult } from './wish.ts';

export interface ApplyClusterOptions extends ChangeOptions {
  /** The Clusterfile as the user wrote it. */
  readonly file: Clusterfile;
  /** Login settings of this call, over the file's. */
  readonly ssh: Ssh;
  /** `--env K=V`, for the images of this call. */
  readonly env: readonly string[];
  readonly force: boolean;
  readonly keepGoing: boolean;
  /** Told in what the file differs from the cluster, before anything is done; not called for a cluster that is new. */
  readonly onChanges: (changes: readonly Change[]) => void;
  /** Asked where hosts would leave; resolves when it may go on, throws otherwise. */
  readonly confirm: (cluster: Cluster, leaving: readonly ClusterHost[]) => Promise<void>;
}

/**
 * `sealos apply`: brings a cluster to what a Clusterfile says, whatever differs: images, hosts, settings. New hosts are added before
 * others leave. Applied again it changes nothing.
 */
export async function applyCluster(options: ApplyClusterOptions): Promise<ChangeResult> {
  const { file, force, keepGoing, env } = options;
  validateCluster(file.cluster);
  const state = await openState(file.cluster.name);
  await using _lock = await state.lock('apply');
  const before = await state.read();
  const stored = exists(before) ? before : undefined;
  const wanted = { ...file.cluster, ssh: { ...file.cluster.ssh, ...options.ssh } };
  const cluster = stored ? succeeding(wanted, stored.cluster) : wanted;
  const leaving = stored ? leavingHosts(cluster, stored.cluster) : [];
  if (stored) {
    const desired = { ...file, cluster };
    // What both lie on counts only where they differ.
    const known = stored.cluster.images;
    const kubeadmBase = isDeepStrictEqual(stored.kubeadm, file.kubeadm)
      ? undefined
      : await wantedKubeadmBase(options.store, desired, { ...options, known });
    const changes = changesBetween(stored, desired, { kubeadmBase });
    refuseImpossible(changes, cluster.name);
    options.onChanges(changes);
  }
  if (leaving.length > 0 && !options.dryRun) await options.confirm(cluster, leaving);
  const wish = { verb: 'apply', file: { ...file, cluster }, leaving, requested: cluster.images, env, command: cluster.command };
  return await converge(state, before, { ...wish, force, keepGoing }, options);
}

/** The wanted cluster with what only the stored one knows. Its first control plane stays the first: what lives there does not move for a new order of lines. */
function succeeding(wanted: Cluster, stored: Cluster): Cluster {
  const before = new Map(clusterHosts(stored).map((host) => [host.address.ip, host]));
  for (const { address, roles } of clusterHosts(wanted)) {
    const known = before.get(address.ip);
    if (known && known.roles.includes('master') !== roles.includes('master')) {
      throw badInput(
        'role-change',
        `${address.ip} changes between control plane and worker`,
        'take it out first, then add it in its new role',
      );
    }
  }
  const [first] = masters(stored);
  const at = wanted.hosts.findIndex(({ ips }) => ips.some(({ ip }) => ip === first?.address.ip));
  const group = wanted.hosts[at];
  const hosts = group
    ? [
        { ...group, ips: [...group.ips].sort((a, b) => Number(b.ip === first?.address.ip) - Number(a.ip === first?.address.ip)) },
        ...wanted.hosts.filter((_, index) => index !== at),
      ]
    : wanted.hosts;
  const { createdAt, status } = stored;
  return { ...wanted, hosts, status, ...(createdAt === undefined ? {} : { createdAt }) };
}

function leavingHosts(wanted: Cluster, stored: Cluster): readonly ClusterHost[] {
  const staying = new Set(clusterHosts(wanted).map(({ address }) => address.ip));
  return clusterHosts(stored).filter(({ address }) => !staying.has(address.ip));
}
