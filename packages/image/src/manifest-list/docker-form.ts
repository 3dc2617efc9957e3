import { dockerLayer } from '../build/image-document.ts';
import type { ContentOptions, ContentSource } from '../content.ts';
import { badInput } from '../error.ts';
import type { Descriptor, Index, Manifest } from '../manifest.ts';
import { parseIndex, parseManifest } from '../manifest-parse.ts';
import { DOCKER_CONFIG, DOCKER_MANIFEST, DOCKER_MANIFEST_LIST, isIndex } from '../media-types.ts';
import { familiarName, type Reference } from '../reference.ts';
import type { Store } from '../store.ts';
import { readContent } from '../verify.ts';

/**
 * Writes the documents of a list and of what it lists anew as Docker's manifest list and manifests (v2 schema 2) into the store; configs
 * and layers stay what they are, annotations have no place there. Throws `bad-flag` (exit 2) for zstd layers, which Docker's form does not know.
 */
export async function writeDockerForm(
  store: Store,
  source: ContentSource,
  name: Reference,
  descriptor: Descriptor,
  options: ContentOptions = {},
): Promise<Descriptor> {
  const bytes = await readContent(source, name, descriptor, options);
  if (!isIndex(descriptor.mediaType)) {
    const manifest = dockerManifest(parseManifest(bytes, descriptor.mediaType), name);
    return store.writeBytes(JSON.stringify(manifest), DOCKER_MANIFEST);
  }
  const manifests: Descriptor[] = [];
  for (const child of parseIndex(bytes, descriptor.mediaType).manifests) {
    const { mediaType, digest, size } = await writeDockerForm(store, source, name, child, options);
    manifests.push({ mediaType, digest, size, ...(child.platform === undefined ? {} : { platform: child.platform }) });
  }
  const list: Index = { schemaVersion: 2, mediaType: DOCKER_MANIFEST_LIST, manifests };
  return store.writeBytes(JSON.stringify(list), DOCKER_MANIFEST_LIST);
}

/** A manifest in Docker's form. Throws `bad-flag` (exit 2) for zstd layers. */
export function dockerManifest({ config, layers }: Manifest, name: Reference): Manifest {
  return {
    schemaVersion: 2,
    mediaType: DOCKER_MANIFEST,
    config: { mediaType: DOCKER_CONFIG, digest: config.digest, size: config.size },
    layers: layers.map((layer) => {
      const converted = dockerLayer(layer);
      if (converted !== undefined) return converted;
      throw badInput(
        'bad-flag',
        `${familiarName(name)} has zstd layers, which Docker's format does not know`,
        'choose the oci format, or build with --compression gzip',
      );
    }),
  };
}
