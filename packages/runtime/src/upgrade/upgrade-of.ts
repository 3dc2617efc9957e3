import { badInput } from '@sealos/image';
import semver from 'semver';
import type { Cluster, Environment, MountedImage } from '../cluster/cluster.ts';
import type { ClusterImage } from '../image-contract/cluster-image.ts';
import { contractLabel } from '../image-contract/label-text.ts';

/** A step from one version of Kubernetes to the next; versions with `v`. */
export interface Upgrade {
  readonly from: string;
  readonly to: string;
  /** The rootfs images' names. */
  readonly fromImage: string;
  readonly toImage: string;
}

const rootfsOf = (mounts: readonly MountedImage[]) => mounts.find(({ type }) => type === 'rootfs');

const distributionName = (labels: Readonly<Record<string, string>>) => contractLabel(labels, 'distribution') || 'kubernetes';

/** The version that a mounted rootfs was made with, as its label says. */
function mountedVersion({ imageName, labels }: MountedImage): string {
  const version = semver.parse(labels['version'] ?? '');
  if (version) return `v${version.raw.replace(/^v/, '')}`;
  throw badInput(
    'bad-state',
    `the state does not say which version of Kubernetes ${imageName} brought`,
    '`sealos adopt` reads it from the cluster',
  );
}

/**
 * What the rootfs among `images` means to a cluster that was made of `stored`: an upgrade, the same version, or nothing where either has
 * no rootfs. Throws bad input for what Kubernetes cannot do: to go back, or to leave out a minor version (kubeadm upgrades one at a time).
 */
export function upgradeOf(stored: readonly MountedImage[], images: readonly ClusterImage[]): Upgrade | 'same' | undefined {
  const before = rootfsOf(stored);
  const after = images.find(({ kind }) => kind === 'rootfs');
  if (!before || after?.version === undefined) return undefined;
  const was = distributionName(before.labels);
  const is = distributionName(after.labels);
  if (was !== is) {
    throw badInput(
      'other-distribution',
      `${after.name} is of distribution '${is}', the cluster was made of ${before.imageName}, of '${was}'`,
      'a cluster stays with its distribution: make another cluster',
    );
  }
  const from = mountedVersion(before);
  const to = after.version;
  const order = semver.compareBuild(to, from);
  if (order === 0) return 'same';
  if (is === 'k3s') {
    throw badInput(
      'not-for-k3s',
      `the cluster runs k3s ${from}, ${after.name} brings ${to}: sealos does not upgrade k3s`,
      'make another cluster of the new image, or upgrade k3s on its hosts by its own means',
    );
  }
  if (order < 0) {
    throw badInput(
      'downgrade',
      `the cluster runs Kubernetes ${from}, ${after.name} brings ${to}: Kubernetes does not go back`,
      'name an image of the same or a later version; an older state comes back with `sealos etcd restore` on a cluster of its own version',
    );
  }
  if (semver.major(to) !== semver.major(from) || semver.minor(to) > semver.minor(from) + 1) {
    const next = `v${semver.major(from)}.${semver.minor(from) + 1}`;
    throw badInput(
      'skips-minor',
      `the cluster runs Kubernetes ${from}, ${after.name} brings ${to}: no minor version can be left out`,
      `upgrade to an image of ${next} first`,
    );
  }
  return { from, to, fromImage: before.imageName, toImage: after.name };
}

/**
 * A cluster whose images hold a new rootfs besides the one that it was made of: the new one in the old one's place. Only images that the
 * cluster does not have yet are opened, with `open`.
 */
export async function withNewRootfs(
  cluster: Cluster,
  stored: readonly MountedImage[],
  open: (name: string) => Promise<ClusterImage>,
): Promise<Cluster> {
  const before = rootfsOf(stored)?.imageName;
  if (before === undefined || !cluster.images.includes(before)) return cluster;
  const known = new Set(stored.map(({ imageName }) => imageName));
  const found: string[] = [];
  for (const name of cluster.images) if (!known.has(name) && (await open(name)).kind === 'rootfs') found.push(name);
  const [after] = found;
  // More than one are refused where all images are opened.
  if (after === undefined) return cluster;
  return { ...cluster, images: cluster.images.flatMap((name) => (name === before ? [after] : name === after ? [] : [name])) };
}

/** What `-e` gave the old rootfs holds for the new one too, under what this call gives it. */
export function carryEnvironment(
  given: ReadonlyMap<string, Environment>,
  { fromImage, toImage }: Upgrade,
): ReadonlyMap<string, Environment> {
  return new Map([...given, [toImage, new Map([...(given.get(fromImage) ?? []), ...(given.get(toImage) ?? [])])]]);
}
