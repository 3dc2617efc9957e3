import type { ContentOptions } from '../content.ts';
import type { Digest } from '../digest.ts';
import { SealosError } from '../error.ts';
import { platformOf } from '../image.ts';
import { readTree } from '../image-tree.ts';
import type { Descriptor, Platform } from '../manifest.ts';
import { parseImageConfig, parseIndex, parseManifest } from '../manifest-parse.ts';
import { DOCKER_CONFIG, isIndex, OCI_CONFIG } from '../media-types.ts';
import { forEachOf } from '../parallel.ts';
import { formatPlatform } from '../platform.ts';
import type { Reference } from '../reference.ts';
import { readContent } from '../verify.ts';
import type { RegistryPlace } from './place.ts';

/** What a list of a registry shows of one tag. */
export interface ListedImage {
  readonly repository: string;
  readonly tag: string;
  readonly digest: Digest | undefined;
  /** Compressed bytes of configs and layers, each once; of what an index lists and the registry has. */
  readonly bytes: number;
  readonly platforms: readonly Platform[];
  /** Why it could not be looked into. */
  readonly problem: string | undefined;
}

/** All tags of a registry, or of one repository, sorted by name. Throws `image-not-found` for a repository that is not there. */
export async function listImages(
  place: RegistryPlace,
  repository: string | undefined,
  options: ContentOptions & { readonly jobs?: number } = {},
): Promise<readonly ListedImage[]> {
  const { signal, jobs = 8 } = options;
  const repositories = repository === undefined ? await place.repositories({ signal }) : [repository];
  const references: Reference[] = [];
  await forEachOf(
    repositories,
    jobs,
    async (name, stop) => {
      // A repository may lose its last tag, or go, between one list and the other.
      const tags = await place.tags(name, { signal: stop }).catch((error: unknown) => {
        if (repository === undefined && error instanceof SealosError && error.code === 'image-not-found') return [];
        throw error;
      });
      for (const tag of tags) references.push({ registry: place.registry, repository: name, tag });
    },
    signal,
  );
  if (repository !== undefined && references.length === 0) {
    throw new SealosError('image-not-found', `${place.title} has no repository ${repository}`, { exitCode: 2 });
  }
  const images: ListedImage[] = [];
  await forEachOf(references, jobs, async (reference, stop) => void images.push(await look(place, reference, stop)), signal);
  const key = ({ repository: name, tag }: ListedImage) => `${name}:${tag}`;
  return images.sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

async function look(place: RegistryPlace, reference: Reference, signal: AbortSignal): Promise<ListedImage> {
  const { repository, tag = '' } = reference;
  let root: Descriptor | undefined;
  try {
    root = await place.resolve(reference, { signal });
    const { documents, blobs } = await readTree(place, reference, root, signal, true);
    const platforms: Platform[] = [];
    for (const { descriptor, bytes } of documents) {
      if (!isIndex(descriptor.mediaType)) continue;
      for (const { platform } of parseIndex(bytes, descriptor.mediaType).manifests) {
        if (platform !== undefined && platform.os !== 'unknown') platforms.push(platform);
      }
    }
    const [only] = documents;
    if (only !== undefined && !isIndex(root.mediaType)) {
      const { config } = parseManifest(only.bytes, only.descriptor.mediaType);
      if (config.mediaType === OCI_CONFIG || config.mediaType === DOCKER_CONFIG) {
        platforms.push(platformOf(parseImageConfig(await readContent(place, reference, config, { signal }))));
      }
    }
    const unique = [...new Map(platforms.map((platform) => [formatPlatform(platform), platform])).values()];
    const bytes = blobs.reduce((sum, { size }) => sum + size, 0);
    return { repository, tag, digest: root.digest, bytes, platforms: unique, problem: undefined };
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof SealosError)) throw error;
    return { repository, tag, digest: root?.digest, bytes: 0, platforms: [], problem: error.message };
  }
}
