import { hostPlatform, type Image, openImage, type Platform, parsePlatform, parseReference, SealosError, type Store } from '@sealos/image';
import { type Clusterfile, masters } from '../cluster/cluster.ts';
import { type ClusterImage, clusterImage } from '../image-contract/cluster-image.ts';
import type { KubeadmDocument } from '../kubeadm/document.ts';
import { standardDocuments } from '../kubeadm/standard.ts';
import { type ImageFiles, readImageFiles } from './image-files.ts';
import type { LoadImageOptions } from './load-image.ts';

/** Of an image, what kubeadm documents lie on. */
type DocumentedImage = Pick<ImageFiles, 'kubeadm' | 'hasAuditPolicy'> & { readonly contract: ClusterImage };

/** What a cluster's kubeadm documents lie on: our defaults for the rootfs' version, then the rootfs' own `etc/kubeadm.yml`. */
export function kubeadmBase(images: readonly DocumentedImage[], rootfs: DocumentedImage, master: string): readonly KubeadmDocument[] {
  return standardDocuments({
    version: rootfs.contract.version ?? '',
    imageDocuments: rootfs.kubeadm,
    auditPolicy: images.some((image) => image.hasAuditPolicy),
    imageEndpoint: rootfs.contract.env.get('SEALOS_SYS_IMAGE_ENDPOINT'),
    master,
  });
}

/**
 * The same before any host was asked, for a Clusterfile that is wanted: its images are opened, and pulled where they are missing.
 * Undefined where none of them is a rootfs. `known` are the images that the cluster has.
 */
export async function wantedKubeadmBase(
  store: Store,
  { cluster, configs }: Clusterfile,
  { known, pull, signal }: Pick<LoadImageOptions, 'pull' | 'signal'> & { readonly known: readonly string[] },
): Promise<readonly KubeadmDocument[] | undefined> {
  const architecture = cluster.hosts.flatMap(({ roles }) => roles).find((role) => role === 'amd64' || role === 'arm64');
  const platform = architecture === undefined ? undefined : parsePlatform(`linux/${architecture}`);
  const images: DocumentedImage[] = [];
  for (const name of cluster.images) {
    const image = await openOrPull(store, name, { platform, pull, signal });
    const files = await readImageFiles(store, image, { name, configs, signal });
    images.push({ ...files, contract: clusterImage(name, image.config) });
  }
  const all = images.filter(({ contract }) => contract.kind === 'rootfs');
  // One that is new takes the place of the one that is there.
  const rootfs = all.find(({ contract }) => !known.includes(contract.name)) ?? all[0];
  return rootfs && kubeadmBase(images, rootfs, masters(cluster)[0]?.address.ip ?? '');
}

async function openOrPull(
  store: Store,
  name: string,
  { platform, pull, signal }: Pick<LoadImageOptions, 'pull' | 'signal'> & { readonly platform: Platform | undefined },
): Promise<Image> {
  const reference = parseReference(name);
  try {
    return await openImage(store, reference, { platform, signal });
  } catch (error) {
    if (!(error instanceof SealosError && error.code === 'image-not-found')) throw error;
  }
  await pull(name, platform ?? hostPlatform(), signal);
  return openImage(store, reference, { platform, signal });
}
