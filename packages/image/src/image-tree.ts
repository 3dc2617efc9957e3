import type { ContentOptions, ContentSource } from './content.ts';
import { SealosError } from './error.ts';
import { resolveManifest } from './image.ts';
import type { Descriptor, Platform } from './manifest.ts';
import { parseIndex, parseManifest } from './manifest-parse.ts';
import { isIndex } from './media-types.ts';
import { familiarName, type Reference } from './reference.ts';
import { readContent } from './verify.ts';

/** What to copy of a name: one platform's manifest (default: this machine's), or with `all` whatever it names. */
export async function pick(
  source: ContentSource,
  reference: Reference,
  options: ContentOptions & { readonly platform?: Platform | 'all' | undefined },
): Promise<Descriptor> {
  return pickOf(source, reference, await source.resolve(reference, { signal: options.signal }), options);
}

/** The same, of what the name was already found to mean. */
export async function pickOf(
  source: ContentSource,
  reference: Reference,
  resolved: Descriptor,
  options: ContentOptions & { readonly platform?: Platform | 'all' | undefined },
): Promise<Descriptor> {
  const { platform, signal } = options;
  if (platform !== 'all') return resolveManifest(source, reference, resolved, { platform, signal });
  return isIndex(resolved.mediaType) ? resolved : resolveManifest(source, reference, resolved, { signal });
}

/** A manifest or index with all that it leads to. */
export interface ImageTree {
  /** Manifests before the indexes that list them. */
  readonly documents: readonly { readonly descriptor: Descriptor; readonly bytes: Buffer }[];
  /** Configs and layers, each once. */
  readonly blobs: readonly Descriptor[];
}

// They are kept in memory, and one index of 4 MiB may list thousands of manifests of 4 MiB.
const DOCUMENTS_LIMIT = 64 * 1024 * 1024;

/**
 * Reads the documents below `root`, verified, and collects what they list. `sparse`: what an index lists and the source does not have is
 * left out, as where one platform of several was saved.
 */
export async function readTree(
  source: ContentSource,
  reference: Reference,
  root: Descriptor,
  signal: AbortSignal | undefined,
  sparse = false,
): Promise<ImageTree> {
  const documents: { readonly descriptor: Descriptor; readonly bytes: Buffer }[] = [];
  const blobs = new Map<string, Descriptor>();
  const seen = new Set<string>();
  let size = 0;
  const visit = async (descriptor: Descriptor, depth: number): Promise<void> => {
    if (seen.has(descriptor.digest)) return;
    seen.add(descriptor.digest);
    if (depth > 3) throw new SealosError('bad-content', `${familiarName(reference)} nests its indexes too deep`);
    const bytes = await readContent(source, reference, descriptor, { signal });
    if (isIndex(descriptor.mediaType)) {
      for (const child of parseIndex(bytes, descriptor.mediaType).manifests) {
        await visit(child, depth + 1).catch((error: unknown) => {
          if (!sparse || !isMissing(error)) throw error;
        });
      }
    } else {
      const manifest = parseManifest(bytes, descriptor.mediaType);
      for (const blob of [manifest.config, ...manifest.layers]) blobs.set(blob.digest, blob);
    }
    size += bytes.length;
    if (size > DOCUMENTS_LIMIT) throw new SealosError('bad-content', `${familiarName(reference)} has more than 64 MiB of manifests`);
    documents.push({ descriptor, bytes });
  };
  await visit(root, 0);
  // The biggest first: the last one to finish should be a small one.
  return { documents, blobs: [...blobs.values()].sort((a, b) => b.size - a.size || (a.digest < b.digest ? -1 : 1)) };
}

function isMissing(error: unknown): boolean {
  return error instanceof SealosError && (error.code === 'content-not-found' || error.code === 'image-not-found');
}
