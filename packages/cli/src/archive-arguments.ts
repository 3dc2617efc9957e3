import { existsSync } from 'node:fs';
import { formatReference, isArchiveUrl, loadArchive, type Store, shownArchive, type Trust } from '@sealos/image';

/** Replaces arguments that are archives (`.tar`, `.tgz`, `.gz`, `.zst`; files or URLs) by the names of the images in them, loaded into the store. */
export async function loadArchives(
  store: Store,
  images: readonly string[],
  options: { readonly signal: AbortSignal; readonly trust?: Trust | undefined },
): Promise<readonly string[]> {
  const names: string[] = [];
  for (const image of images) {
    if (!/\.(tar|tgz|gz|zst)$/.test(shownArchive(image)) || !(isArchiveUrl(image) || existsSync(image))) {
      names.push(image);
      continue;
    }
    const loaded = await loadArchive(store, image, { signal: options.signal, trust: options.trust });
    names.push(...loaded.map((entry) => formatReference(entry.reference)));
  }
  return names;
}
