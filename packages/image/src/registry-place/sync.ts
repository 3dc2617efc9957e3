import type { ContentOptions, ContentSink, ContentSource, OnTransfer } from '../content.ts';
import { copyImage } from '../copy.ts';
import type { Digest } from '../digest.ts';
import { SealosError } from '../error.ts';
import { pick } from '../image-tree.ts';
import type { Platform } from '../manifest.ts';
import { formatReference, type Reference } from '../reference.ts';
import type { RegistryPlace } from './place.ts';

export interface SyncOptions extends ContentOptions {
  /** Of an image for several platforms one's (default: this machine's), or `all`: with it also what no tag leads to, where that can be told. */
  readonly platform?: Platform | 'all' | undefined;
  readonly onEvent?: OnTransfer | undefined;
  /** Each image when it is there. */
  readonly onImage?: ((name: string, outcome: 'copied' | 'there') => void) | undefined;
}

export interface Synced {
  readonly copied: number;
  readonly there: number;
  readonly failed: readonly { readonly name: string; readonly error: SealosError }[];
}

/**
 * Copies every repository and tag of one registry to another; what is there already is not sent. Repeated after an interruption it goes on.
 * An image that cannot be copied does not stop the others.
 */
export async function syncRegistry(source: RegistryPlace, target: RegistryPlace, options: SyncOptions = {}): Promise<Synced> {
  const { signal, onImage } = options;
  const sink = withMounts(target);
  const failed: Synced['failed'][number][] = [];
  const counts = { copied: 0, there: 0 };
  for (const repository of await source.repositories({ signal })) {
    for (const name of await namesIn(source, repository, options)) {
      const shown = formatReference({ registry: source.title, repository, ...name });
      try {
        const outcome = await copyOne(source, { sink, target }, { ...name, repository }, options);
        counts[outcome] += 1;
        onImage?.(shown, outcome);
      } catch (error) {
        signal?.throwIfAborted();
        // What concerns one image; a registry that does not answer concerns all.
        if (!(error instanceof SealosError) || !ONE_IMAGE.has(error.code)) throw error;
        failed.push({ name: shown, error });
      }
    }
  }
  return { ...counts, failed };
}

const ONE_IMAGE = new Set(['no-platform', 'bad-content', 'content-mismatch', 'content-not-found', 'image-not-found', 'registry-failed']);

/** Copies one image into a registry, under its repository's name there. Throws what reading and writing throw. */
export async function copyToRegistry(
  source: ContentSource,
  image: Reference,
  target: RegistryPlace,
  options: SyncOptions = {},
): Promise<'copied' | 'there'> {
  return copyOne({ ...partsOf(source), registry: image.registry }, { sink: withMounts(target), target }, image, options);
}

function partsOf(source: ContentSource): ContentSource {
  return { resolve: source.resolve.bind(source), fetch: source.fetch.bind(source) };
}

type Name = { readonly tag: string } | { readonly digest: Digest };

/** Manifests before tags: what a tag means is last. */
async function namesIn(source: RegistryPlace, repository: string, { platform, signal }: SyncOptions): Promise<readonly Name[]> {
  const tags = (await source.tags(repository, { signal })).map((tag) => ({ tag }));
  const revisions = platform === 'all' ? await source.revisions(repository) : undefined;
  return [...(revisions ?? []).map((digest) => ({ digest })), ...tags];
}

async function copyOne(
  source: ContentSource & { readonly registry: string },
  { sink, target }: { readonly sink: ContentSink; readonly target: RegistryPlace },
  image: { readonly repository: string; readonly tag?: string; readonly digest?: Digest },
  { platform, signal, onEvent }: SyncOptions,
): Promise<'copied' | 'there'> {
  const from = { ...image, registry: source.registry };
  const to = { ...image, registry: target.registry };
  const wanted = await pick(source, from, { platform, signal });
  // What a name in a registry means is there whole: it was named last.
  const present = await target.resolve(to, { signal }).catch((error: unknown) => {
    if (error instanceof SealosError && error.code === 'image-not-found') return undefined;
    throw error;
  });
  if (present?.digest === wanted.digest) return 'there';
  await copyImage(source, sink, { from, to, platform, sparse: true, signal, onEvent });
  return 'copied';
}

/** What was once written into the target is offered to its other repositories before it is sent again. */
function withMounts(target: RegistryPlace): ContentSink {
  const origins = new Map<Digest, string>();
  return {
    async has(reference, descriptor, options) {
      const from = origins.get(descriptor.digest);
      const isThere =
        (await target.has(reference, descriptor, options)) ||
        (from !== undefined && from !== reference.repository && (await target.mount(reference, descriptor, from, options)));
      if (isThere) origins.set(descriptor.digest, reference.repository);
      return isThere;
    },
    async write(reference, descriptor, body, options) {
      await target.write(reference, descriptor, body, options);
      origins.set(descriptor.digest, reference.repository);
    },
    tag: (reference, descriptor, options) => target.tag(reference, descriptor, options),
  };
}
