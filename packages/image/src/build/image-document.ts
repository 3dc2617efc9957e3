import type { BuildStep } from '../kubefile/build-step.ts';
import type { BuiltConfig } from '../kubefile/stage-config.ts';
import { compressionOfLayer, type WrittenLayer } from '../layer.ts';
import type { Descriptor, HistoryEntry, ImageConfig, Platform } from '../manifest.ts';
import { type Compression, DOCKER_LAYER, DOCKER_LAYER_GZIP, OCI_LAYER, OCI_LAYER_GZIP, OCI_LAYER_ZSTD } from '../media-types.ts';

/** A layer and the instruction that made it. */
export interface BuiltLayer extends WrittenLayer {
  /** The instruction's place among the stage's steps. */
  readonly step: number;
  readonly text: string;
  /** The time of its newest file, seconds since 1970. */
  readonly newest: number;
  /** Whether it is of an earlier build. */
  readonly isCached: boolean;
}

export interface DocumentInput {
  readonly base: { readonly config: ImageConfig } | undefined;
  readonly config: BuiltConfig;
  readonly author: string | undefined;
  readonly steps: readonly BuildStep[];
  readonly layers: readonly BuiltLayer[];
  readonly platform: Platform;
  /** Seconds since 1970. */
  readonly created: number;
}

/** The config of the built image: the base image's with all that the build changed. */
export function imageConfig(input: DocumentInput): ImageConfig {
  const { base, layers, platform } = input;
  const created = `${new Date(input.created * 1000).toISOString().slice(0, 19)}Z`;
  const { config: inherited, rootfs, history, created: _, author: baseAuthor, ...others } = base?.config ?? { rootfs: undefined };
  const author = input.author ?? baseAuthor;
  const baseLayers = rootfs?.diff_ids ?? [];
  const past = history ?? [];
  // Without a history for every layer of the base there can be none for the others.
  const isWhole = past.filter((entry) => entry.empty_layer !== true).length === baseLayers.length;
  return {
    ...others,
    created,
    ...(author === undefined ? {} : { author }),
    architecture: platform.architecture,
    os: platform.os,
    ...(platform.variant === undefined ? {} : { variant: platform.variant }),
    config: { ...unknownMembers(inherited), ...input.config },
    rootfs: { type: 'layers', diff_ids: [...baseLayers, ...layers.map(({ diffId }) => diffId)] },
    ...(isWhole ? { history: [...past, ...historyOf(input, created)] } : {}),
  };
}

const KNOWN = new Set([
  ...['User', 'ExposedPorts', 'Env', 'Entrypoint', 'Cmd', 'Volumes', 'WorkingDir', 'Labels', 'StopSignal', 'Shell', 'Healthcheck'],
  // Instructions for whoever builds on the base image: carried out here, never inherited.
  'OnBuild',
]);

function unknownMembers(config: object | undefined): object {
  return Object.fromEntries(Object.entries(config ?? {}).filter(([key]) => !KNOWN.has(key)));
}

function historyOf(input: DocumentInput, created: string): readonly HistoryEntry[] {
  const history: HistoryEntry[] = [];
  const layers = [...input.layers];
  for (const [step, { text }] of input.steps.entries()) {
    const made = layers.filter((layer) => layer.step === step);
    if (made.length === 0) history.push({ created, created_by: text, empty_layer: true });
    for (const layer of made) {
      history.push({ created, created_by: text });
      layers.splice(layers.indexOf(layer), 1);
    }
  }
  return [...history, ...layers.map(({ text }) => ({ created, created_by: text }))];
}

const OCI_TYPES: Readonly<Record<Compression, string>> = { none: OCI_LAYER, gzip: OCI_LAYER_GZIP, zstd: OCI_LAYER_ZSTD };
// Docker's manifests know no zstd; no program takes one there.
const DOCKER_TYPES: Readonly<Record<Compression, string | undefined>> = { none: DOCKER_LAYER, gzip: DOCKER_LAYER_GZIP, zstd: undefined };

/** A layer as an OCI manifest lists it: Docker's media types have their equals there. */
export function ociLayer({ mediaType, digest, size }: Descriptor): Descriptor {
  return { mediaType: OCI_TYPES[compressionOfLayer(mediaType)], digest, size };
}

/** A layer as Docker's manifest lists it; undefined when that has no place for it (zstd). */
export function dockerLayer({ mediaType, digest, size }: Descriptor): Descriptor | undefined {
  const type = DOCKER_TYPES[compressionOfLayer(mediaType)];
  return type === undefined ? undefined : { mediaType: type, digest, size };
}
