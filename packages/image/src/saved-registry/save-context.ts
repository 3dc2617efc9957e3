import { join } from 'node:path';
import { openArchive } from '../archive-source.ts';
import { locate } from '../build/context-path.ts';
import type { ContentOptions, ContentSource, OnTransfer } from '../content.ts';
import { ARCHIVE_LIST, type ListedArchive } from '../discovery/archive-list.ts';
import { discoverImages } from '../discovery/discover.ts';
import { badInput } from '../error.ts';
import type { Platform } from '../manifest.ts';
import type { Store } from '../store.ts';
import { saveImages } from './save-images.ts';

export interface SaveContextOptions extends ContentOptions {
  /** The real path of the build's context; the images go into its `registry` directory. */
  readonly context: string;
  /** Where images are fetched from. */
  readonly source: ContentSource;
  /** Has the images that the context takes from this machine, and room for archives that have to be unpacked. */
  readonly store: Store;
  readonly platform: Platform | 'all';
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
  const { context, source, store, platform, jobs, signal, onEvent } = options;
  const { images, archives, warnings } = await discoverImages(context);
  const common = { directory: join(context, 'registry'), platform, jobs, signal, onEvent };
  const files = [];
  for (const archive of archives) files.push({ path: await archivePath(context, archive), name: archive.reference });
  for (const from of ['registry', 'store'] as const) {
    const references = images.filter((image) => image.from === from).map(({ reference }) => reference);
    if (references.length > 0) await saveImages({ ...common, references, source: from === 'registry' ? source : store });
  }
  for (const { path, name } of files) {
    await using archive = await openArchive(store, path, { name, signal });
    await saveImages({ ...common, references: [name], source: archive.source });
  }
  return { images: images.length + archives.length, warnings };
}

async function archivePath(context: string, archive: ListedArchive): Promise<string> {
  const located = await locate(context, archive.path);
  if (located.kind === 'found') return located.path;
  const why = located.kind === 'outside' ? 'is outside of the context' : 'is not in the context';
  throw badInput('archive-not-found', `${ARCHIVE_LIST}:${archive.line}: '${archive.path}' ${why}`);
}
