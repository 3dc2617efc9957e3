import { join } from 'node:path';
import { locate } from '../build/context-path.ts';
import type { ContentOptions, ContentSource, OnTransfer } from '../content.ts';
import { ARCHIVE_LIST, type ListedArchive } from '../discovery/archive-list.ts';
import { discoverImages } from '../discovery/discover.ts';
import { badInput } from '../error.ts';
import type { Platform } from '../manifest.ts';
import type { Store } from '../store.ts';
import type { Trust } from '../trust/trust.ts';
import type { NamedImages } from './named-images.ts';
import { saveListed } from './save-listed.ts';

export interface SaveContextOptions extends ContentOptions {
  /** The real path of the build's context. */
  readonly context: string;
  /** Images and archives besides those of the context. */
  readonly more?: NamedImages | undefined;
  /** Where the images go (default: the context's `registry`). */
  readonly directory?: string | undefined;
  /** Where images are fetched from. */
  readonly source: ContentSource;
  /** Has the images that the context takes from this machine, and room for archives that have to be unpacked. */
  readonly store: Store;
  readonly platform: Platform | 'all';
  /** What may be saved; default: what containers' policy.json says. */
  readonly trust?: Trust | undefined;
  /** Contents on their way at once. */
  readonly jobs?: number | undefined;
  readonly onEvent?: OnTransfer | undefined;
}

export interface SavedContext {
  /** How many images the context names. */
  readonly images: number;
  readonly warnings: readonly string[];
}

/** Finds the container images that a context names and saves them. Throws `image-collision` and what the sources throw. */
export async function saveContextImages(options: SaveContextOptions): Promise<SavedContext> {
  const { context } = options;
  const { images, archives, warnings } = await discoverImages(context, options.signal);
  const { more = { images: [], archives: [] } } = options;
  const files = [...more.archives];
  for (const archive of archives) files.push({ path: await archivePath(context, archive), name: archive.reference });
  const saved = await saveListed({
    ...options,
    directory: options.directory ?? join(context, 'registry'),
    images: [...images, ...more.images],
    archives: files,
  });
  return { images: saved.images, warnings: [...warnings, ...saved.warnings] };
}

async function archivePath(context: string, archive: ListedArchive): Promise<string> {
  const located = await locate(context, archive.path);
  if (located.kind === 'found') return located.path;
  const why = located.kind === 'outside' ? 'is outside of the context' : 'is not in the context';
  throw badInput('archive-not-found', `${ARCHIVE_LIST}:${archive.line}: '${archive.path}' ${why}`);
}
