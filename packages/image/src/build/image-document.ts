import type { Evaluated } from '../kubefile/evaluate.ts';
import { compressionOfLayer, type WrittenLayer } from '../layer.ts';
import type { Descriptor, HistoryEntry, ImageConfig, Platform } from '../manifest.ts';
import { type Compression, OCI_LAYER, OCI_LAYER_GZIP, OCI_LAYER_ZSTD } from '../media-types.ts';

/** A layer and the instruction that made it. */
export interface BuiltLayer extends WrittenLayer {
  readonly line: number;
  readonly text: string;
}

export interface DocumentInput {
  readonly base: { readonly config: ImageConfig; readonly layers: readonly Descriptor[] } | undefined;
  readonly evaluated: Evaluated;
  readonly layers: readonly BuiltLayer[];
  readonly platform: Platform;
  /** Seconds since 1970. */
  readonly created: number;
}

/** The config of the built image: the base image's with all that the build changed. */
export function imageConfig(input: DocumentInput): ImageConfig {
  const { base, evaluated, layers, platform } = input;
  const created = `${new Date(input.created * 1000).toISOString().slice(0, 19)}Z`;
  const { config: inherited, rootfs, history, created: _, author: baseAuthor, ...others } = base?.config ?? { rootfs: undefined };
  const author = evaluated.author ?? baseAuthor;
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
    config: { ...unknownMembers(inherited), ...evaluated.config },
    rootfs: { type: 'layers', diff_ids: [...baseLayers, ...layers.map(({ diffId }) => diffId)] },
    ...(isWhole ? { history: [...past, ...historyOf(input, created)] } : {}),
  };
}

const KNOWN = new Set([
  ...['User', 'ExposedPorts', 'Env', 'Entrypoint', 'Cmd', 'Volumes', 'WorkingDir', 'Labels', 'StopSignal'],
  // Instructions for whoever builds on the base image: done here or not supported, never inherited.
  'OnBuild',
]);

function unknownMembers(config: object | undefined): object {
  return Object.fromEntries(Object.entries(config ?? {}).filter(([key]) => !KNOWN.has(key)));
}

function historyOf(input: DocumentInput, created: string): readonly HistoryEntry[] {
  const history: HistoryEntry[] = [];
  const layers = [...input.layers];
  for (const { line, text } of input.evaluated.steps) {
    const made = layers.filter((layer) => layer.line === line);
    if (made.length === 0) history.push({ created, created_by: text, empty_layer: true });
    for (const layer of made) {
      history.push({ created, created_by: text });
      layers.splice(layers.indexOf(layer), 1);
    }
  }
  return [...history, ...layers.map(({ text }) => ({ created, created_by: text }))];
}

const OCI_TYPES: Readonly<Record<Compression, string>> = { none: OCI_LAYER, gzip: OCI_LAYER_GZIP, zstd: OCI_LAYER_ZSTD };

/** A base image's layer as an OCI manifest lists it: Docker's media types have their equals there. */
export function ociLayer({ mediaType, digest, size }: Descriptor): Descriptor {
  return { mediaType: OCI_TYPES[compressionOfLayer(mediaType)], digest, size };
}
