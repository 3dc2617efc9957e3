import { badInput, type Store } from '@sealos/image';
import type { Clusterfile } from '../cluster/cluster.ts';
import { formatOwnClusterfile } from '../cluster/format.ts';
import { type ClusterFlags, clusterFromFlags } from '../cluster/from-flags.ts';
import { imageVip } from '../image-contract/cluster-image.ts';
import { layeredOptions } from '../k3s/documents.ts';
import { documentedNetworking } from '../kubeadm/documents.ts';
import { generatedDocuments } from '../kubeadm/standard.ts';
import { writePrivateFile } from '../state/private-file.ts';
import type { LoadImageOptions } from './load-image.ts';
import { loadImages, rootfsOf } from './prepare.ts';
import { networkingOfK3s } from './prepare-k3s.ts';

export interface GenerateOptions extends LoadImageOptions {
  readonly store: Store;
  readonly flags: ClusterFlags;
  /** Documents of `--config-file`. */
  readonly more: Omit<Clusterfile, 'cluster'>;
}

/**
 * `sealos gen`: the Clusterfile that makes what `run` would make with the same flags; no host is asked. What the hosts decide (cgroup driver,
 * kube-proxy's mode) is left to them. Throws bad input for a set of images that cannot be run on a new cluster.
 */
export async function generateClusterfile(
  options: GenerateOptions,
): Promise<{ readonly file: Clusterfile; readonly warnings: readonly string[] }> {
  const { flags, more, store } = options;
  const cluster = clusterFromFlags(flags);
  const images = await loadImages(store, flags.images, { ...options, configs: more.configs, newCluster: true });
  const rootfs = rootfsOf(images);
  const master = cluster.hosts[0]?.ips[0]?.ip ?? '';
  const addresses = { vip: imageVip(rootfs.contract, new Map([...rootfs.contract.env, ...cluster.env]), master), master };
  if (rootfs.contract.distribution === 'k3s') {
    networkingOfK3s({ userDocuments: more.kubeadm, userK3s: more.k3s }, rootfs, addresses);
    const k3s = layeredOptions({ imageOptions: rootfs.k3s, userOptions: more.k3s });
    return { file: { cluster, configs: more.configs, kubeadm: [], k3s }, warnings: [] };
  }
  documentedNetworking({ imageDocuments: rootfs.kubeadm, userDocuments: more.kubeadm }, addresses);
  const { documents, warnings } = generatedDocuments(
    {
      version: rootfs.contract.version ?? '',
      imageDocuments: rootfs.kubeadm,
      auditPolicy: images.some((image) => image.hasAuditPolicy),
      imageEndpoint: rootfs.contract.env.get('SEALOS_SYS_IMAGE_ENDPOINT'),
      master,
    },
    more.kubeadm,
  );
  return { file: { cluster, configs: more.configs, kubeadm: documents }, warnings };
}

/** Writes a Clusterfile for its author, atomically, readable by them alone: passwords that they gave are in it. Throws bad input where it cannot be written. */
export async function writeOwnClusterfile(path: string, file: Clusterfile): Promise<void> {
  try {
    await writePrivateFile(path, formatOwnClusterfile(file));
  } catch (error) {
    const why = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw badInput('unwritable-file', `${path}: the Clusterfile cannot be written (${why})`);
  }
}
