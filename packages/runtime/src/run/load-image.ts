import { posix } from 'node:path';
import {
  compressionOfLayer,
  type Descriptor,
  type Image,
  layerFiles,
  layerSummary,
  listFiles,
  openImage,
  type Platform,
  parseReference,
  readFiles,
  SealosError,
  type Store,
} from '@sealos/image';
import { type ClusterImage, clusterImage } from '../image-contract/cluster-image.ts';
import { type KubeadmDocument, parseKubeadmDocuments } from '../kubeadm/document.ts';
import type { PlannedImage, PlannedLayer } from '../plan/plan-input.ts';
import { isTemplatePath } from '../render/render.ts';

/** An image of the store with everything that a plan needs to know of it. */
export interface LoadedImage {
  readonly contract: ClusterImage;
  readonly planned: PlannedImage;
  /** By path relative to the image's root. */
  readonly templates: ReadonlyMap<string, Uint8Array>;
  readonly kubeadm: readonly KubeadmDocument[];
  /** It ships `statics/audit-policy.yml` for the API server. */
  readonly hasAuditPolicy: boolean;
  /** Bytes that it takes on a host, container images aside, and those of its container images. */
  readonly payloadBytes: number;
  readonly registryBytes: number;
}

export interface LoadImageOptions {
  readonly platform: Platform;
  /** Fetches an image that the store does not have. */
  readonly pull: (name: string, platform: Platform, signal: AbortSignal) => Promise<void>;
  readonly signal: AbortSignal;
}

const KUBEADM_FILE = 'etc/kubeadm.yml';
const AUDIT_POLICY = 'statics/audit-policy.yml';
const MAX_SMALL_FILE = 4 * 1024 * 1024;

async function openOrPull(store: Store, name: string, options: LoadImageOptions): Promise<Image> {
  const reference = parseReference(name);
  try {
    return await openImage(store, reference, options);
  } catch (error) {
    if (!(error instanceof SealosError && error.code === 'image-not-found')) throw error;
  }
  await options.pull(name, options.platform, options.signal);
  return openImage(store, reference, options);
}

/** A directory name from an image's name: readable, and the same on every run (`docker.io/labring/calico:v3.24.6` is `calico-v3.24.6`). */
export function applicationDirectory(name: string): string {
  const last = name.slice(name.lastIndexOf('/') + 1);
  return last.replace(/@sha256:([0-9a-f]{12}).*/, '-$1').replaceAll(/[^A-Za-z0-9._-]/g, '-');
}

/** Opens an image, pulled if it is missing, and reads what a plan needs of its small files. Each layer is looked through once in its life. */
export async function loadImage(store: Store, name: string, options: LoadImageOptions): Promise<LoadedImage> {
  const image = await openOrPull(store, name, options);
  const contract = clusterImage(name, image.config);
  const layers: PlannedLayer[] = [];
  let payloadBytes = 0;
  let registryBytes = 0;
  for (const descriptor of image.layers) {
    const { layer, bytes } = await planLayer(store, image, descriptor, options.signal);
    layers.push(layer);
    if (layer.holds === 'registry') registryBytes += bytes;
    else payloadBytes += bytes;
  }
  const small = await readFiles(store, image, ({ path }) => isTemplatePath(path) || path === KUBEADM_FILE, {
    limit: MAX_SMALL_FILE,
    signal: options.signal,
  });
  const kubeadm = small.get(KUBEADM_FILE);
  const templates = new Map([...small].filter(([path]) => path !== KUBEADM_FILE));
  return {
    contract,
    planned: { name, digest: image.descriptor.digest, kind: contract.kind, directory: applicationDirectory(name), layers },
    templates,
    kubeadm: kubeadm === undefined ? [] : parseKubeadmDocuments(Buffer.from(kubeadm).toString(), `${name}:${KUBEADM_FILE}`),
    hasAuditPolicy: (await listFiles(store, image, { signal: options.signal })).has(AUDIT_POLICY),
    payloadBytes,
    registryBytes,
  };
}

async function planLayer(
  store: Store,
  image: Image,
  descriptor: Descriptor,
  signal: AbortSignal,
): Promise<{ readonly layer: PlannedLayer; readonly bytes: number }> {
  const summary = await layerSummary(store, descriptor, { signal });
  const { entries } = await layerFiles(store, descriptor, { signal });
  const inRegistry = summary.topLevelNames.includes('registry');
  const holds = !inRegistry ? 'payload' : summary.topLevelNames.length === 1 ? 'registry' : 'both';
  return {
    layer: {
      digest: descriptor.digest,
      size: descriptor.size,
      compression: compressionOfLayer(descriptor.mediaType),
      holds,
      removes: summary.whiteouts.map((path) => path.replace(/\/$/, '')),
      whiteoutFiles: entries.map(({ path }) => path).filter((path) => posix.basename(path).startsWith('.wh.')),
      open: (stop) => store.fetch(image.reference, descriptor, { signal: stop }),
    },
    bytes: summary.uncompressedBytes,
  };
}
