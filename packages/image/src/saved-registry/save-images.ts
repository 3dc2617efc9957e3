import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ContentSource, OnTransfer } from '../content.ts';
import { copyImage } from '../copy.ts';
import { badInput } from '../error.ts';
import type { Descriptor, Platform } from '../manifest.ts';
import { forEachOf } from '../parallel.ts';
import { familiarName, formatReference, type Reference } from '../reference.ts';
import { openSavedRegistry } from './saved-registry.ts';

export interface SaveImagesOptions {
  /** The context's `registry` directory; what is there stays. */
  readonly directory: string;
  readonly references: readonly Reference[];
  readonly platform: Platform | 'all';
  readonly source: ContentSource;
  /** Images on their way at once (default 5). */
  readonly jobs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: OnTransfer | undefined;
}

/** What earlier runs that were killed left; a process that lives keeps its own. */
async function removeUnfinished(directory: string): Promise<void> {
  for (const name of await readdir(directory).catch(() => [])) {
    const pid = /^\.unfinished-(\d+)$/.exec(name)?.[1];
    if (pid === undefined) continue;
    try {
      process.kill(Number(pid), 0);
    } catch {
      await rm(join(directory, name), { recursive: true, force: true });
    }
  }
}

/**
 * Saves container images into a directory that a registry can serve. Nothing that is there is fetched again. The registry host is not part
 * of a name there: throws `image-collision` (exit 2) when two images would get one name and are not the same.
 */
export async function saveImages(options: SaveImagesOptions): Promise<void> {
  const { directory, references, platform, source, signal, onEvent } = options;
  const unique = [...new Map(references.map((reference) => [formatReference(reference), reference])).values()];
  const resolved = new Map<Reference, Descriptor>();
  await forEachOf(
    unique,
    options.jobs ?? 5,
    async (reference, stop) => {
      resolved.set(reference, await source.resolve(reference, { signal: stop }));
    },
    signal,
  );
  refuseCollisions(resolved);
  await removeUnfinished(directory);
  await using registry = openSavedRegistry(directory);
  await forEachOf(
    unique,
    options.jobs ?? 5,
    async (reference, stop) => {
      await copyImage(source, registry, { from: reference, platform, signal: stop, onEvent: named(reference, onEvent), jobs: 2 });
    },
    signal,
  );
}

/** A blob is shown with the image that it belongs to; the same blob of two images is two transfers. */
function named(reference: Reference, onEvent: OnTransfer | undefined): OnTransfer | undefined {
  if (!onEvent) return undefined;
  const name = familiarName(reference);
  return (event) => {
    if (event.kind === 'skip') return;
    const id = `${name} ${event.id}`;
    onEvent(event.kind === 'start' ? { ...event, id, title: `${name}  ${event.title}` } : { ...event, id });
  };
}

function refuseCollisions(resolved: ReadonlyMap<Reference, Descriptor>): void {
  const taken = new Map<string, Reference>();
  for (const [reference, descriptor] of resolved) {
    if (reference.tag === undefined) continue;
    const name = `${reference.repository}:${reference.tag}`;
    const other = taken.get(name);
    if (other && resolved.get(other)?.digest !== descriptor.digest) {
      throw badInput(
        'image-collision',
        `${formatReference(other)} and ${formatReference(reference)} would both be '${name}' in the cluster's registry, and are not the same`,
        'names lose their registry there: leave one of the two out, or push one under another name',
      );
    }
    taken.set(name, reference);
  }
}
