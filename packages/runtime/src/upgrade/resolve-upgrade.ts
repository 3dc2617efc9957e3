import { badInput } from '@sealos/image';
import type { Cluster, Clusterfile } from '../cluster/cluster.ts';
import type { LoadedImage } from '../run/load-image.ts';
import type { ReachedHost } from '../run/prepare.ts';
import { refuseUnfinished } from './progress.ts';
import { type Upgrade, upgradeOf } from './upgrade-of.ts';

/**
 * Whether the images of a call bring a cluster that stands to another version. Throws bad input for a version that it cannot go to, for
 * anything else while an upgrade is not finished, and for hosts that are to leave in the same call.
 */
export function resolveUpgrade(
  stored: Clusterfile | undefined,
  images: readonly LoadedImage[],
  hosts: { readonly staying: readonly ReachedHost[]; readonly leaving: number },
): Upgrade | undefined {
  const found = upgradeOf(
    stored?.cluster.status.mounts ?? [],
    images.map(({ contract }) => contract),
  );
  const upgrade = typeof found === 'object' ? found : undefined;
  refuseUnfinished(hosts.staying, upgrade?.to);
  if (upgrade && hosts.leaving > 0) {
    throw badInput('upgrade-alone', 'hosts cannot leave the cluster in the call that upgrades it', 'take them away first, then upgrade');
  }
  return upgrade;
}

/** What the state says of a cluster until its upgrade is ended: the images and mounts that it had. */
export function beforeUpgrade(wanted: Cluster, stored: Cluster): Cluster {
  return { ...wanted, images: stored.images, status: { ...wanted.status, mounts: stored.status.mounts } };
}
