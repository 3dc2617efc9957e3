import type { ContentOptions } from '../content.ts';
import { type Digest, isDigest } from '../digest.ts';
import { type ImageFile, readFiles } from '../files.ts';
import type { Image } from '../image.ts';
import type { Store } from '../store.ts';

const TAG_LINK = /^registry\/docker\/registry\/v2\/repositories\/(.+)\/_manifests\/tags\/([^/]+)\/current\/link$/;

/** A container image in a cluster image's `registry/`. Its name has no registry host there. */
export interface SavedImage {
  readonly repository: string;
  readonly tag: string;
  readonly digest: Digest;
}

/** The container images that a cluster image brings, by repository and tag. */
export async function savedImages(store: Store, image: Image, options: ContentOptions = {}): Promise<readonly SavedImage[]> {
  const isLink = ({ path }: ImageFile) => TAG_LINK.test(path);
  const links = await readFiles(store, image, isLink, { ...options, limit: 1024 });
  return [...links].flatMap(([path, content]) => {
    const [, repository = '', tag = ''] = TAG_LINK.exec(path) ?? [];
    const digest = content.toString().trim();
    return isDigest(digest) ? [{ repository, tag, digest }] : [];
  });
}
