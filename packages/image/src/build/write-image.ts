import { digestOf } from '../digest.ts';
import { SealosError } from '../error.ts';
import type { Image } from '../image.ts';
import type { Evaluated } from '../kubefile/evaluate.ts';
import { writeLayer } from '../layer.ts';
import type { Descriptor, ImageConfig, Manifest, Platform } from '../manifest.ts';
import { DOCKER_CONFIG, DOCKER_MANIFEST, OCI_CONFIG, OCI_MANIFEST } from '../media-types.ts';
import { familiarName, parseReference } from '../reference.ts';
import type { Store } from '../store.ts';
import type { BuildOptions } from './build-options.ts';
import { type BuiltLayer, dockerLayer, imageConfig, ociLayer } from './image-document.ts';
import { squashLayers } from './squash.ts';

export interface WriteImageInput {
  /** What the stage is built on: an image, or another stage. */
  readonly base: Image | undefined;
  /** The image that is below all stages. */
  readonly root: Image | undefined;
  readonly evaluated: Evaluated;
  readonly layers: readonly BuiltLayer[];
  /** How many of the base's layers were not built here. */
  readonly foreignLayers: number;
  readonly platform: Platform;
  /** Later times become this one, seconds since 1970. */
  readonly latest: number | undefined;
  /** Whether this is what the user gets; other stages have no use for format, squashing and annotations. */
  readonly isTarget: boolean;
}

/** Writes the config and the manifest of a stage whose layers are in the store. */
export async function writeImage(store: Store, input: WriteImageInput, options: BuildOptions): Promise<Image> {
  const { base, evaluated, platform, latest, isTarget } = input;
  const times = [Date.parse(base?.config.created ?? '') / 1000, ...input.layers.map(({ newest }) => newest)].filter((time) => time > 0);
  const created = latest ?? Math.floor(Math.max(0, ...times));
  const { author, config, steps } = evaluated;
  const layers = isTarget && (base?.layers.length ?? 0) + input.layers.length === 0 ? [await emptyLayer(store, options)] : input.layers;
  const whole = imageConfig({ base, config, author, steps, layers, platform, created });
  const descriptors = [...(base?.layers ?? []), ...layers.map(({ descriptor }) => descriptor)];
  const squashed = isTarget && options.squash ? await squashLayers(store, descriptors, whole, input.foreignLayers, options) : undefined;
  const isDocker = isTarget && options.format === 'docker';
  return writeDocuments(
    store,
    squashed ?? { layers: descriptors, config: whole },
    isDocker,
    isTarget ? annotationsOf(input.root, options) : undefined,
  );
}

async function writeDocuments(
  store: Store,
  image: { readonly layers: readonly Descriptor[]; readonly config: ImageConfig },
  isDocker: boolean,
  annotations: Readonly<Record<string, string>> | undefined,
): Promise<Image> {
  const config = await writeOnce(store, JSON.stringify(image.config), isDocker ? DOCKER_CONFIG : OCI_CONFIG);
  const layers = image.layers.map(isDocker ? (layer) => dockerLayer(layer) ?? noZstd() : ociLayer);
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType: isDocker ? DOCKER_MANIFEST : OCI_MANIFEST,
    config,
    layers,
    // Docker's manifest has no place for them.
    ...(annotations === undefined || isDocker ? {} : { annotations }),
  };
  const descriptor = await writeOnce(store, JSON.stringify(manifest), manifest.mediaType);
  return { reference: parseReference('localhost/unnamed'), descriptor, manifest, config: image.config, layers };
}

function noZstd(): never {
  throw new SealosError('bad-flag', "the base image has zstd layers, which Docker's format does not know", {
    hint: 'choose the OCI format',
    exitCode: 2,
  });
}

// What is there already costs no write to the disk.
async function writeOnce(store: Store, text: string, mediaType: string): Promise<Descriptor> {
  const descriptor: Descriptor = { mediaType, digest: digestOf(text), size: Buffer.byteLength(text) };
  return (await store.hasBlob(descriptor.digest, descriptor.size)) ? descriptor : store.writeBytes(text, mediaType);
}

// Some tools refuse an image without any layer.
async function emptyLayer(store: Store, options: BuildOptions): Promise<BuiltLayer> {
  const compression = options.compression ?? (options.format === 'docker' ? 'gzip' : 'zstd');
  const layer = await writeLayer(store, [], { compression, signal: options.signal });
  return { ...layer, step: -1, text: 'an empty layer', newest: 0, isCached: true };
}

// image-spec annotations.md: which image this one was built on.
function annotationsOf(root: Image | undefined, { annotations }: BuildOptions): Readonly<Record<string, string>> | undefined {
  const base =
    root === undefined
      ? {}
      : {
          'org.opencontainers.image.base.digest': root.descriptor.digest,
          'org.opencontainers.image.base.name': familiarName(root.reference),
        };
  const all = { ...base, ...annotations };
  return Object.keys(all).length === 0 ? undefined : all;
}
