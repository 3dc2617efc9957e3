import { type Digest, isDigest } from '../digest.ts';
import type { Image } from '../image.ts';
import { parseReference, type Reference } from '../reference.ts';

/** The image that another was built on, from its annotations (image-spec annotations.md); undefined where they do not say it. */
export function baseOf(image: Image): { readonly reference: Reference; readonly digest: Digest } | undefined {
  const name = image.manifest.annotations?.['org.opencontainers.image.base.name'] ?? '';
  const digest = image.manifest.annotations?.['org.opencontainers.image.base.digest'] ?? '';
  if (!isDigest(digest)) return undefined;
  try {
    return { reference: parseReference(name), digest };
  } catch {
    return undefined;
  }
}
