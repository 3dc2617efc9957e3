import { setTimeout as wait } from 'node:timers/promises';
import type { BlobWriter } from '../blob.ts';
import type { ContentOptions, OnTransfer } from '../content.ts';
import { stageLayer } from '../layer.ts';
import type { Compression } from '../media-types.ts';
import { forEachOf } from '../parallel.ts';
import type { Store } from '../store.ts';
import type { TarEntry } from '../tar.ts';
import { tarParts } from '../tar-write.ts';
import { archiveEntries } from './added-archive.ts';
import type { BuiltLayer } from './image-document.ts';
import { cacheKey, recall, remember } from './layer-cache.ts';
import { type LayerContent, layersOf, type PlannedLayer } from './planned-entry.ts';

export interface WriteLayersOptions extends ContentOptions {
  readonly compression?: Compression | undefined;
  /** Later times become this one, seconds since 1970. */
  readonly latest?: number | undefined;
  /** Write even what was written before. */
  readonly noCache?: boolean | undefined;
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
  readonly withArchives: boolean;
  readonly compression: Compression;
  readonly id: string;
  readonly title: string;
}

/** Two at once: while one is compressed the other is read. */
const JOBS = 2;

/** Writes what COPY, ADD, WORKDIR and VOLUME add, those apart that are known from an earlier build. */
export async function writeLayers(store: Store, plans: readonly PlannedLayer[], options: WriteLayersOptions): Promise<StagedLayers> {
  const compression = options.compression ?? 'zstd';
  const jobs = plans.flatMap((plan) => jobsOf(plan, compression));
  const built = new Map<Job, BuiltLayer>();
  const written = new Map<Job, { readonly writer: BlobWriter; readonly key: string | undefined }>();
  const discard = async (): Promise<void> => {
    for (const { writer } of written.values()) await writer.discard();
  };
  try {
    await forEachOf(
      jobs,
      JOBS,
      async (job, signal) => {
        const { plan, content } = job;
        const place = { step: plan.step, text: plan.text, newest: content.newest };
        const key = keyOf(job, options.latest);
        const known = key === undefined || options.noCache ? undefined : await recall(store, key);
        if (known?.layer !== undefined) {
          options.onEvent?.({ kind: 'skip', id: job.id, title: job.title, why: 'unchanged' });
          built.set(job, { ...known.layer, ...place, isCached: true });
          return;
        }
        const { writer, ...layer } = await writeOne(store, job, { ...options, signal });
        written.set(job, { writer, key });
        built.set(job, { ...layer, ...place, isCached: false });
      },
      options.signal,
    );
  } catch (error) {
    await discard();
    throw error;
  }
  return {
    layers: jobs.flatMap((job) => built.get(job) ?? []),
    async commit() {
      for (const [job, { writer, key }] of written) {
        await store.commit(writer);
        const layer = built.get(job);
        if (key !== undefined && layer !== undefined) await remember(store, key, { layer, newest: layer.newest });
      }
    },
    [Symbol.asyncDispose]: discard,
  };
}

function jobsOf(plan: PlannedLayer, compression: Compression): readonly Job[] {
  const { main, big, registry } = layersOf(plan);
  const jobs: Job[] = [];
  const title = shortened(plan.text);
  if (main.entries.length > 0 || plan.archives.length > 0)
    jobs.push({ plan, content: main, withArchives: true, compression, id: `layer-${plan.step}`, title });
  for (const [index, content] of big.entries()) {
    const named = `${title} (${content.entries[0]?.path})`;
    jobs.push({ plan, content, withArchives: false, compression, id: `layer-${plan.step}-${index}`, title: named });
  }
  // What is saved is compressed already.
  if (registry.entries.length > 0) {
    const id = `layer-${plan.step}-registry`;
    jobs.push({ plan, content: registry, withArchives: false, compression: 'none', id, title: `${title} (saved images)` });
  }
  return jobs;
}

/** An instruction as one short line. */
export function shortened(text: string): string {
  const line = text.replace(/\s+/g, ' ');
  return line.length > 60 ? `${line.slice(0, 57)}...` : line;
}

function keyOf(job: Job, latest: number | undefined): string | undefined {
  const { content, plan, withArchives } = job;
  if (content.identity === undefined) return undefined;
  const archives = withArchives
    ? plan.archives.map(({ identity, headers }) => [identity, headers.map((header) => header?.path ?? '')])
    : [];
  return cacheKey('files', content.identity, archives, job.compression, latest ?? null);
}

async function writeOne(store: Store, job: Job, options: WriteLayersOptions) {
  const { onEvent, latest, signal } = options;
  const { id, content, plan } = job;
  await settled(plan.changed, signal);
  const bytes = content.bytes + (job.withArchives ? plan.archives.reduce((sum, archive) => sum + archive.bytes, 0) : 0);
  onEvent?.({ kind: 'start', id, title: job.title, bytes });
  let reported = 0;
  const staged = await stageLayer(store, tarParts(entriesOf(job, latest)), {
    compression: job.compression,
    signal,
    onProgress(done) {
      // Every chunk would be thousands of events a second.
      if (done - reported < 4 * 1024 * 1024) return;
      reported = done;
      onEvent?.({ kind: 'progress', id, bytes: Math.min(done, bytes) });
    },
  });
  onEvent?.({ kind: 'done', id });
  return staged;
}

// The kernel's clock for files ticks every few milliseconds: a file changed twice within a tick would look the same. What was changed
// just now is read when the tick is over, so that whatever happens to it later is seen.
const TICK = 20;

async function settled(changed: bigint, signal: AbortSignal | undefined): Promise<void> {
  const age = Date.now() - Number(changed / 1_000_000n);
  if (age >= 0 && age < TICK) await wait(TICK - age, undefined, { signal });
}

async function* entriesOf(job: Job, latest: number | undefined): AsyncGenerator<TarEntry> {
  const limited = (entry: TarEntry): TarEntry => (latest !== undefined && entry.mtime > latest ? { ...entry, mtime: latest } : entry);
  for (const entry of job.content.entries) yield limited(entry);
  if (!job.withArchives) return;
  for (const archive of job.plan.archives) for await (const entry of archiveEntries(archive)) yield limited(entry);
}
