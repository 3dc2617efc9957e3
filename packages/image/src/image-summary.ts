import { artifactTypeOf } from './artifact.ts';
import type { ContentOptions } from './content.ts';
import { platformOf } from './image.ts';
import type { Descriptor, Platform } from './manifest.ts';
import { parseImageConfig, parseIndex, parseManifest } from './manifest-parse.ts';
import { isIndex, isManifest } from './media-types.ts';
import { familiarName, type Reference } from './reference.ts';
import type { Store } from './store.ts';
import { readContent } from './verify.ts';

/** What a list of images shows of one. */
export interface ImageSummary {
  /** As people write it. */
  readonly name: string;
  readonly repository: string;
  readonly tag: string;
  /** Of the manifest or index under the name. */
  readonly digest: string;
  /** RFC 3339, of the (first) image. */
  readonly created: string | undefined;
  /** Compressed bytes of all layers and configs, each once. */
  readonly bytes: number;
  readonly platforms: readonly Platform[];
  /** Of the (first) image. */
  readonly labels: Readonly<Record<string, string>>;
  /** What it is when it is no image. */
  readonly artifactType: string | undefined;
}

/** Looks into an image's manifests and configs; the layers are not read. Throws `bad-content` for one that is damaged. */
export async function imageSummary(
  store: Store,
  reference: Reference,
  descriptor: Descriptor,
  options: ContentOptions = {},
): Promise<ImageSummary> {
  const read = (content: Descriptor) => readContent(store, reference, content, options);
  const manifests = isIndex(descriptor.mediaType) ? parseIndex(await read(descriptor), descriptor.mediaType).manifests : [descriptor];
  const sizes = new Map<string, number>();
  const platforms: Platform[] = [];
  let created: string | undefined;
  let labels: Readonly<Record<string, string>> | undefined;
  let artifactType: string | undefined;
  for (const entry of manifests) {
    // A store may hold an index without all that it lists, and one that lists more than manifests.
    const present = isManifest(entry.mediaType) && (await store.has(reference, entry));
    if (!present) {
      if (entry.platform) platforms.push(entry.platform);
      continue;
    }
    const manifest = parseManifest(await read(entry), entry.mediaType);
    for (const part of [manifest.config, ...manifest.layers]) sizes.set(part.digest, part.size);
    const artifact = artifactTypeOf(manifest);
    if (artifact !== undefined) {
      artifactType ??= artifact;
      created ??= manifest.annotations?.['org.opencontainers.image.created'];
      continue;
    }
    const config = parseImageConfig(await read(manifest.config));
    created ??= config.created;
    labels ??= config.config?.Labels;
    platforms.push(platformOf(config));
  }
  const name = familiarName(reference);
  const tag = reference.tag ?? '<none>';
  return {
    name,
    repository: name.replace(/@sha256:[0-9a-f]{64}$/, '').replace(new RegExp(`:${tag.replaceAll('.', '\\.')}$`), ''),
    tag,
    digest: descriptor.digest,
    created,
    bytes: [...sizes.values()].reduce((sum, size) => sum + size, 0),
    platforms,
    labels: labels ?? {},
    artifactType,
  };
}
