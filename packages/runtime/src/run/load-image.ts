import { posix } from 'node:path';
import {
  compressionOfLayer,
  type Descriptor,
  type Digest,
  familiarName,
  type Image,
  layerFiles,
  layerSummary,
  openImage,
  type Platform,
  parseReference,
  readTrust,
  requireDiffId,
  requireTrustedInStore,
  SealosError,
  type Store,
  type Trust,
} from '@sealos/image';
import type { Config } from '../cluster/cluster.ts';
import type { HostFile } from '../host/host.ts';
import { type ClusterImage, clusterImage } from '../image-contract/cluster-image.ts';
import type { PlannedImage, PlannedLayer } from '../plan/plan-input.ts';
import { type ImageFiles, readImageFiles } from './image-files.ts';
import { layerOutline, withinDirectory } from './layer-outline.ts';
import { registryIndexes, registryTags } from './registry-indexes.ts';

/** An image of the store with everything that a plan needs to know of it. */
export interface LoadedImage extends ImageFiles {
  readonly contract: ClusterImage;
  readonly planned: PlannedImage;
  /** Bytes that it takes on a host, container images aside, and those of its container images. */
  readonly payloadBytes: number;
  readonly registryBytes: number;
  /** Where it is loaded for several architectures: files by which its registry's tags lead to all of them, relative to the rootfs. */
  readonly registryIndexes: readonly HostFile[];
}

export interface LoadImageOptions {
  /** Of the first control plane. */
  readonly platform: Platform;
  /** The other platforms among the hosts. */
  readonly others?: readonly Platform[] | undefined;
  /** Fetches an image that the store does not have. */
  readonly pull: (name: string, platform: Platform, signal: AbortSignal) => Promise<void>;
  /** The cluster's Configs: those that are for the image are laid over it, after its own. */
  readonly configs?: readonly Config[] | undefined;
  /** Which images may go to hosts; default: what containers' policy.json says. */
  readonly trust?: Trust | undefined;
  readonly signal: AbortSignal;
}

async function openOrPull(store: Store, name: string, options: LoadImageOptions): Promise<Image> {
  const image = await openWanted(store, name, options);
  const { reference, descriptor } = image;
  const trust = options.trust ?? (await readTrust());
  await requireTrustedInStore(store, reference, descriptor, trust, options);
  return image;
}

async function openWanted(store: Store, name: string, options: LoadImageOptions): Promise<Image> {
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
  const own = await planLayers(store, image, options.signal);
  const variants = new Map<string, readonly PlannedLayer[]>();
  const registries = new Map([[options.platform.architecture, await registryTags(store, image, options.signal)]]);
  let foreignBytes = 0;
  for (const platform of options.others ?? []) {
    const variant = await openOrPull(store, name, { ...options, platform });
    const planned = await planLayers(store, variant, options.signal);
    variants.set(platform.architecture, planned.layers);
    registries.set(platform.architecture, await registryTags(store, variant, options.signal));
    foreignBytes += planned.registryBytes;
  }
  return {
    contract,
    planned: {
      name,
      digest: image.descriptor.digest,
      kind: contract.kind,
      directory: applicationDirectory(name),
      layers: own.layers,
      variants,
    },
    ...(await readImageFiles(store, image, { name, configs: options.configs ?? [], signal: options.signal })),
    payloadBytes: own.payloadBytes,
    registryBytes: own.registryBytes + foreignBytes,
    registryIndexes: registryIndexes(registries),
  };
}

interface PlannedLayers {
  readonly layers: readonly PlannedLayer[];
  readonly payloadBytes: number;
  readonly registryBytes: number;
}

async function planLayers(store: Store, image: Image, signal: AbortSignal): Promise<PlannedLayers> {
  const layers: PlannedLayer[] = [];
  let payloadBytes = 0;
  let registryBytes = 0;
  let links: ReadonlyMap<string, string> = new Map();
  for (const [position, descriptor] of image.layers.entries()) {
    const { layer, bytes, diffId } = await planLayer(store, image, descriptor, signal);
    requireDiffId(image, position, diffId);
    links = withinDirectory(familiarName(image.reference), layer.outline, links);
    layers.push(layer);
    if (layer.holds === 'registry') registryBytes += bytes;
    else payloadBytes += bytes;
  }
  return { layers, payloadBytes, registryBytes };
}

async function planLayer(
  store: Store,
  image: Image,
  descriptor: Descriptor,
  signal: AbortSignal,
): Promise<{ readonly layer: PlannedLayer; readonly bytes: number; readonly diffId: Digest }> {
  const summary = await layerSummary(store, descriptor, { signal });
  const { entries } = await layerFiles(store, descriptor, { signal });
  const inRegistry = summary.topLevelNames.includes('registry');
  const removes = summary.whiteouts.map((path) => path.replace(/\/$/, ''));
  const outline = layerOutline(familiarName(image.reference), entries, removes);
  const markers = entries.map(({ path }) => path).filter((path) => posix.basename(path).startsWith('.wh.'));
  const holds = !inRegistry ? 'payload' : summary.topLevelNames.length === 1 ? 'registry' : 'both';
  return {
    layer: {
      digest: descriptor.digest,
      size: descriptor.size,
      compression: compressionOfLayer(descriptor.mediaType),
      holds,
      removes,
      whiteoutFiles: [...markers, ...outline.nodes],
      outline,
      open: (stop) => store.fetch(image.reference, descriptor, { signal: stop }),
    },
    bytes: summary.uncompressedBytes,
    diffId: summary.diffId,
  };
}
