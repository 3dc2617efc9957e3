import type { Cluster, ClusterCondition, ClusterPhase, MountedImage } from '../cluster/cluster.ts';
import { isSecretKey } from '../image-contract/environment.ts';
import type { LoadedImage } from './load-image.ts';

/** What the state keeps of an image, so that a reset needs neither the image nor the store. Values that look secret are left out. */
export function mountOf(image: LoadedImage): MountedImage {
  const { contract, planned } = image;
  return {
    name: planned.directory,
    type: contract.kind,
    imageName: contract.name,
    digest: planned.digest,
    env: new Map([...contract.env].filter(([key]) => !isSecretKey(key))),
    labels: contract.labels,
    cmd: contract.commands.slice(contract.entrypointCount),
    entrypoint: contract.commands.slice(0, contract.entrypointCount),
  };
}

function withCondition(conditions: readonly ClusterCondition[], condition: ClusterCondition): readonly ClusterCondition[] {
  return [...conditions.filter(({ type }) => type !== condition.type), condition];
}

/** The cluster with its phase, written before the first change of a host and after the last. */
export function withPhase(cluster: Cluster, phase: ClusterPhase, now: string, message?: string): Cluster {
  const failed = phase === 'ClusterFailed';
  const condition: ClusterCondition = {
    type: failed ? 'ApplyClusterError' : 'ApplyClusterSuccess',
    status: failed ? 'False' : 'True',
    lastHeartbeatTime: now,
    reason: failed ? 'Apply Cluster' : 'Ready',
    message: message ?? 'Applied to cluster successfully',
  };
  const conditions =
    phase === 'ClusterInProcess'
      ? cluster.status.conditions
      : withCondition(
          cluster.status.conditions.filter(({ type }) => !type.startsWith('ApplyCluster')),
          condition,
        );
  return { ...cluster, createdAt: cluster.createdAt ?? now, status: { ...cluster.status, phase, conditions } };
}

/** How the images' commands ended: apart from the cluster's own phase, so that an application that fails does not block the cluster. */
export function withCommandCondition(cluster: Cluster, images: readonly string[], now: string, failure?: string): Cluster {
  const condition: ClusterCondition = {
    type: failure === undefined ? 'ApplyCommandSuccess' : 'ApplyCommandError',
    status: failure === undefined ? 'True' : 'False',
    lastHeartbeatTime: now,
    reason: 'Apply Command',
    message: failure ?? 'Applied to cluster successfully',
    images,
  };
  return { ...cluster, status: { ...cluster.status, commandConditions: [condition] } };
}
