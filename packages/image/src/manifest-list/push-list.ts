import type { ContentOptions, ContentSink, ContentSource, OnTransfer } from '../content.ts';
import { copyImage, type PickedImage } from '../copy.ts';
import type { Digest } from '../digest.ts';
import { badInput, SealosError } from '../error.ts';
import type { Descriptor } from '../manifest.ts';
import { parseIndex, parseManifest } from '../manifest-parse.ts';
import { isIndex, isManifest } from '../media-types.ts';
import { familiarName, type Reference } from '../reference.ts';
import type { Registry } from '../registry/registry.ts';
import type { Store } from '../store.ts';
import { carryAttached } from '../trust/referrers.ts';
import { readContent } from '../verify.ts';
import { writeDockerForm } from './docker-form.ts';
import { readList } from './list.ts';
import { originOf } from './origins.ts';

export interface PushListOptions extends ContentOptions {
  readonly to: Reference;
  readonly registry: Registry;
  /** `oci` (default) as the list is in the store; `v2s2` as Docker's manifest list, with what it lists in Docker's form too. */
  readonly format?: 'oci' | 'v2s2' | undefined;
  readonly onEvent?: OnTransfer | undefined;
}

/**
 * Sends a list with all that it lists to a registry. What is not in the store comes from where it was added from, by streams and
 * only as far as the registry lacks it; within one registry it takes it over itself. Returns what was named there.
 */
export async function pushList(store: Store, name: Reference, options: PushListOptions): Promise<Descriptor> {
  const { to, registry, signal, onEvent } = options;
  if (to.digest !== undefined)
    throw badInput('bad-reference', `cannot push to ${familiarName(to)}: a digest is not a name`, 'push to a tag');
  const { descriptor } = await readList(store, name, options);
  const places = new Map<Digest, Reference>();
  const source = listSource(store, registry, descriptor, places);
  const root = options.format === 'v2s2' ? await writeDockerForm(store, source, name, descriptor, options) : descriptor;
  const rooted: ContentSource = { ...source, resolve: async () => root };
  const sent: Descriptor[] = [];
  const admit = async ({ documents }: PickedImage) => void sent.push(...documents);
  const pushed = await copyImage(rooted, withMounts(registry, places), { from: name, to, platform: 'all', signal, onEvent, admit });
  for (const { digest } of sent) await carryAttached(store, registry, { from: name, to, subject: digest }, { signal });
  return pushed;
}

// The store, and behind it the registries that the list's members came from. `places`: where what the store may lack is.
function listSource(store: Store, registry: Registry, root: Descriptor, places: Map<Digest, Reference>): ContentSource {
  const open = async (reference: Reference, descriptor: Descriptor, options: ContentOptions & { readonly offset?: number }) => {
    if ((await store.sizeOf(descriptor.digest)) === descriptor.size) return store.read(descriptor.digest, options);
    const place = places.get(descriptor.digest) ?? (await originOf(store, descriptor.digest));
    if (place !== undefined) return registry.fetch(place, descriptor, options);
    throw new SealosError('content-not-found', `${familiarName(reference)} lists ${descriptor.digest.slice(0, 19)}, which is not here`, {
      hint: `pull it, or add it again with 'sealos manifest add ${familiarName(reference)} docker://IMAGE'`,
    });
  };
  const documents: ContentSource = {
    resolve: async () => root,
    fetch: (reference, descriptor, options = {}) => open(reference, descriptor, options),
  };
  return {
    ...documents,
    async fetch(reference, descriptor, options = {}) {
      if (isManifest(descriptor.mediaType) || isIndex(descriptor.mediaType)) {
        // Everything below a member is where the member is.
        const place = places.get(descriptor.digest) ?? (await originOf(store, descriptor.digest));
        const bytes = place === undefined ? undefined : await readContent(documents, reference, descriptor, options);
        if (place !== undefined && bytes !== undefined) for (const part of partsOf(bytes, descriptor)) places.set(part.digest, place);
      }
      return open(reference, descriptor, options);
    },
  };
}

function partsOf(bytes: Buffer, { mediaType }: Descriptor): readonly Descriptor[] {
  if (isIndex(mediaType)) return parseIndex(bytes, mediaType).manifests;
  const { config, layers } = parseManifest(bytes, mediaType);
  return [config, ...layers];
}

function withMounts(registry: Registry, places: ReadonlyMap<Digest, Reference>): ContentSink {
  return {
    async has(reference, descriptor, options) {
      if (await registry.has(reference, descriptor, options)) return true;
      const place = places.get(descriptor.digest);
      if (place === undefined || place.registry !== reference.registry || place.repository === reference.repository) return false;
      return registry.mount(reference, descriptor, place.repository, options);
    },
    write: (reference, descriptor, body, options) => registry.write(reference, descriptor, body, options),
    tag: (reference, descriptor, options) => registry.tag(reference, descriptor, options),
  };
}
