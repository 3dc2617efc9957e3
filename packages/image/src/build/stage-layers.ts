import type { BlobWriter } from '../blob.ts';
import type { ContentOptions, OnTransfer } from '../content.ts';
import { stageLayer } from '../layer.ts';
import type { Compression } from '../media-types.ts';
import { forEachOf } from '../parallel.ts';
import type { Store } from '../store.ts';
import type { TarEntry } from '../tar.ts';
import { writeTar } from '../tar-write.ts';
import type { BuiltLayer } from './image-document.ts';
import type { LayerContent, PlannedLayer } from './planned-entry.ts';

export interface StageOptions extends ContentOptions {
  readonly compression?: Compression | undefined;
  /** Later times become this one, seconds since 1970. */
  readonly latest?: number | undefined;
  readonly onEvent?: OnTransfer | undefined;
}

/** Layers that are written but not visible yet: committed together, or discarded when this is disposed of. */
export interface StagedLayers extends AsyncDisposable {
  readonly layers: readonly BuiltLayer[];
  commit(): Promise<void>;
}

interface Job {
  readonly plan: PlannedLayer;
  readonly content: LayerContent;
  readonly compression: Compression | undefined;
  readonly title: string;
}

/** Two at once: while one is compressed the other is read. */
const JOBS = 2;

/** Writes the layers of a build. With `needsOne` and no content there is one empty layer: some tools refuse an image without any. */
export async function stageLayers(
  store: Store,
  contents: readonly { readonly plan: PlannedLayer; readonly main: LayerContent; readonly registry: LayerContent }[],
  needsOne: boolean,
  options: StageOptions,
): Promise<StagedLayers> {
  const jobs: Job[] = contents.flatMap(({ plan, main, registry }) => [
    { plan, content: main, compression: options.compression, title: plan.text },
    { plan, content: registry, compression: 'none' as const, title: `${plan.text} (saved images)` },
  ]);
  const wanted = jobs.filter(({ content }) => content.entries.length > 0);
  if (wanted.length === 0 && needsOne) {
    const plan: PlannedLayer = { line: 0, text: 'an empty layer', entries: new Map() };
    wanted.push({ plan, content: { entries: [], bytes: 0, newest: 0 }, compression: options.compression, title: plan.text });
  }
  const written = new Map<Job, BuiltLayer>();
  const writers: BlobWriter[] = [];
  const discard = async (): Promise<void> => {
    for (const writer of writers) await writer.discard();
  };
  try {
    await forEachOf(
      wanted,
      JOBS,
      async (job, signal) => {
        const { writer, ...layer } = await stageOne(store, job, wanted.indexOf(job), { ...options, signal });
        writers.push(writer);
        written.set(job, { ...layer, line: job.plan.line, text: job.plan.text });
      },
      options.signal,
    );
  } catch (error) {
    await discard();
    throw error;
  }
  return {
    layers: wanted.flatMap((job) => written.get(job) ?? []),
    async commit() {
      for (const writer of writers) await store.commit(writer);
    },
    [Symbol.asyncDispose]: discard,
  };
}

async function stageOne(store: Store, job: Job, index: number, options: StageOptions) {
  const { onEvent, latest, signal } = options;
  const id = `layer-${index + 1}`;
  const title = job.title.length > 60 ? `${job.title.slice(0, 57)}...` : job.title;
  onEvent?.({ kind: 'start', id, title, bytes: job.content.bytes });
  let reported = 0;
  const staged = await stageLayer(store, writeTar(withTimes(job.content.entries, latest)), {
    compression: job.compression,
    signal,
    onProgress(bytes) {
      // Every chunk would be thousands of events a second.
      if (bytes - reported < 4 * 1024 * 1024) return;
      reported = bytes;
      onEvent?.({ kind: 'progress', id, bytes: Math.min(bytes, job.content.bytes) });
    },
  });
  onEvent?.({ kind: 'done', id });
  return staged;
}

function* withTimes(entries: readonly TarEntry[], latest: number | undefined): Generator<TarEntry> {
  for (const entry of entries) yield latest !== undefined && entry.mtime > latest ? { ...entry, mtime: latest } : entry;
}
