import { openArchive } from '../archive-source.ts';
import type { ContentOptions, ContentSource, OnTransfer } from '../content.ts';
import { type DiscoveredImage, formatPlace } from '../discovery/discover.ts';
import { SealosError } from '../error.ts';
import { pick } from '../image-tree.ts';
import type { Platform } from '../manifest.ts';
import { forEachOf } from '../parallel.ts';
import { familiarName, type Reference } from '../reference.ts';
import type { Store } from '../store.ts';
import type { Trust } from '../trust/trust.ts';
import { saveImages } from './save-images.ts';

export interface SaveListedOptions extends ContentOptions {
  /** Where the images go, as a registry keeps them; what is there stays. */
  readonly directory: string;
  readonly images: readonly DiscoveredImage[];
  /** Archive files, and what the image in each is called. */
  readonly archives: readonly { readonly path: string; readonly name: Reference }[];
  /** Where images are fetched from. */
  readonly source: ContentSource;
  /** Has the images that are taken from this machine, and room for archives that have to be unpacked. */
  readonly store: Store;
  readonly platform: Platform | 'all';
  /** What may be saved; default: what containers' policy.json says. */
  readonly trust?: Trust | undefined;
  /** Contents on their way at once. */
  readonly jobs?: number | undefined;
  readonly onEvent?: OnTransfer | undefined;
}

/**
 * Saves images from registries, from this machine and from archives. What was only guessed to be an image and cannot be had is a warning.
 * Throws `image-collision`, `not-trusted` and what the sources throw.
 */
export async function saveListed(options: SaveListedOptions): Promise<{ readonly images: number; readonly warnings: readonly string[] }> {
  const { directory, archives, source, store, platform, trust, jobs, signal, onEvent } = options;
  const common = { directory, store, trust, platform, jobs, signal, onEvent };
  const { images, warnings } = await withoutFailedGuesses(options);
  for (const from of ['registry', 'store'] as const) {
    const references = images.filter((image) => image.from === from).map(({ reference }) => reference);
    if (references.length > 0) await saveImages({ ...common, references, source: from === 'registry' ? source : store });
  }
  for (const { path, name } of archives) {
    await using archive = await openArchive(store, path, { name, signal });
    await saveImages({ ...common, references: [name], source: archive.source });
  }
  return { images: images.length + archives.length, warnings };
}

async function withoutFailedGuesses(
  options: SaveListedOptions,
): Promise<{ readonly images: readonly DiscoveredImage[]; readonly warnings: readonly string[] }> {
  const { images, source, platform, jobs = 5, signal } = options;
  const failed = new Map<DiscoveredImage, string>();
  const guesses: DiscoveredImage[] = [];
  const taken = new Map(images.filter(({ isGuess }) => !isGuess).map((image) => [savedName(image), image]));
  for (const image of images.filter(({ isGuess }) => isGuess)) {
    const other = taken.get(savedName(image));
    if (other !== undefined) failed.set(image, `${familiarName(other.reference)} gets the same name in the cluster's registry`);
    else guesses.push(image);
    taken.set(savedName(image), other ?? image);
  }
  await forEachOf(
    guesses,
    jobs,
    async (image, stop) => {
      try {
        await pick(source, image.reference, { platform, signal: stop });
      } catch (error) {
        if (stop.aborted || !(error instanceof SealosError)) throw error;
        failed.set(image, error.message);
      }
    },
    signal,
  );
  const warnings = [...failed].map(([image, why]) => {
    const place = image.where[0];
    const found = place === undefined ? '' : `${formatPlace(place)}: `;
    const advice = 'list it in images/shim if it is needed, in .sealignore if it is none';
    return `${found}${familiarName(image.reference)} looks like an image but is not saved: ${why}; ${advice}`;
  });
  return { images: images.filter((image) => !failed.has(image)), warnings };
}

/** Names lose their registry where they are saved. */
function savedName({ reference: { repository, tag, digest } }: DiscoveredImage): string {
  return `${repository}:${tag ?? digest}`;
}
