import { SealosError } from '../error.ts';
import { type Image, openImage } from '../image.ts';
import { lineError } from '../kubefile/kubefile-error.ts';
import type { Platform } from '../manifest.ts';
import { formatPlatform } from '../platform.ts';
import { formatReference, parseReference } from '../reference.ts';
import type { Store } from '../store.ts';
import type { BuildOptions } from './build-options.ts';

/** Opens the images that FROM and --from name; each is fetched at most once. */
export interface BaseImages {
  /** `why` is the instruction as errors show it. Throws `image-not-found`, `no-platform` and others with the line. */
  open(
    name: string,
    platform: Platform | undefined,
    place: { readonly file: string; readonly line: number; readonly why: string },
  ): Promise<Image>;
}

export function baseImages(store: Store, options: BuildOptions): BaseImages {
  const { pull, signal, alwaysPull } = options;
  const opened = new Map<string, Image>();
  const find = async (name: string, platform: Platform | undefined): Promise<Image> => {
    const reference = parseReference(name);
    const key = `${formatReference(reference)} ${platform === undefined ? '' : formatPlatform(platform)}`;
    const before = opened.get(key);
    if (before !== undefined) return before;
    if (alwaysPull && pull !== undefined) await pull(reference, platform);
    let image: Image;
    try {
      image = await openImage(store, reference, { platform, signal });
    } catch (error) {
      const isAbsent = error instanceof SealosError && ['image-not-found', 'no-platform', 'content-not-found'].includes(error.code);
      if (!isAbsent || pull === undefined || alwaysPull) throw error;
      await pull(reference, platform);
      image = await openImage(store, reference, { platform, signal });
    }
    opened.set(key, image);
    return image;
  };
  return {
    async open(name, platform, { file, line, why }) {
      try {
        return await find(name, platform);
      } catch (error) {
        if (!(error instanceof SealosError)) throw error;
        const located = lineError(file, line, `${why}: ${error.message}`, error.hint);
        throw new SealosError(error.code, located.message, { cause: error, hint: error.hint, exitCode: error.exitCode });
      }
    },
  };
}
