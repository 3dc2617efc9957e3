import { artifactTypeOf } from '../artifact.ts';
import type { ContentOptions, ContentSink, ContentSource, OnTransfer } from '../content.ts';
import { copyImage, type PickedImage } from '../copy.ts';
import type { Digest } from '../digest.ts';
import { badInput, SealosError } from '../error.ts';
import { openImage, openManifest, resolveManifest } from '../image.ts';
import type { Descriptor, Platform } from '../manifest.ts';
import { writeDockerForm } from '../manifest-list/docker-form.ts';
import { parseIndex, parseManifest } from '../manifest-parse.ts';
import { isIndex } from '../media-types.ts';
import { familiarName, type Reference } from '../reference.ts';
import type { Store } from '../store.ts';
import { admitFrom, requireTrustedInStore } from '../trust/admission.ts';
import { carryAttached } from '../trust/referrers.ts';
import { readTrust, type Trust } from '../trust/trust.ts';
import { readContent } from '../verify.ts';
import { openRegistry, type Registry, type RegistryOptions } from './registry.ts';

/** `missing`: only what is not in the store; `always`; `never`; `ifnewer`: when the registry's name means something else now. */
export type PullPolicy = 'missing' | 'always' | 'never' | 'ifnewer';

export interface TransferOptions extends ContentOptions {
  /** Out of an index, one platform's image or all of them. */
  readonly platform?: Platform | 'all' | undefined;
  readonly onEvent?: OnTransfer | undefined;
  /** Blobs on their way at once. */
  readonly jobs?: number | undefined;
  /** An open registry client to use, or how to open one. */
  readonly registry?: Registry | RegistryOptions | undefined;
}

export interface PullOptions extends TransferOptions {
  /** Default: `missing`. */
  readonly policy?: PullPolicy | undefined;
  /** What is let in; default: what containers' policy.json says. */
  readonly trust?: Trust | undefined;
  /** Take what refers to the image along (SBOM, provenance), besides its signatures. */
  readonly referrers?: boolean | undefined;
}

/** How many repositories are offered to a registry to take a blob over from. */
const MOUNT_TRIES = 2;

/**
 * Fetches an image from its registry into the store, with what is missing of it, and names it. Default platform: this machine's.
 * Returns what the name means in the store now.
 */
export async function pullImage(store: Store, reference: Reference, options: PullOptions = {}): Promise<Descriptor> {
  const { policy = 'missing', platform, signal, onEvent } = options;
  const trust = options.trust ?? (await readTrust());
  const present = await findTrusted(store, reference, { ...options, trust });
  if (policy === 'never' && present === undefined) return store.resolve(reference);
  if (present !== undefined && (policy === 'missing' || policy === 'never')) {
    onEvent?.({ kind: 'skip', id: present.digest, title: familiarName(reference), why: 'already in the store' });
    return present;
  }
  return withRegistry(options.registry, async (registry) => {
    if (policy === 'ifnewer' && present !== undefined) {
      const remote = await registry.resolve(reference, { signal });
      const picked = platform === 'all' ? remote : await resolveManifest(registry, reference, remote, { platform, signal });
      if (present.digest === remote.digest || present.digest === picked.digest) {
        onEvent?.({ kind: 'skip', id: present.digest, title: familiarName(reference), why: 'not newer at the registry' });
        return present;
      }
    }
    const admit = (picked: PickedImage) => admitFrom(registry, store, reference, picked, trust, { signal, referrers: options.referrers });
    return copyImage(registry, store, { from: reference, platform, signal, onEvent, jobs: options.jobs, admit });
  });
}

// What is here without the signature that is demanded may have one at the registry by now.
async function findTrusted(
  store: Store,
  reference: Reference,
  options: PullOptions & { readonly trust: Trust },
): Promise<Descriptor | undefined> {
  const { platform, policy, trust, signal } = options;
  const present = await findInStore(store, reference, platform, signal);
  if (present === undefined) return undefined;
  try {
    await requireTrustedInStore(store, reference, present, trust, { signal });
    return present;
  } catch (error) {
    if (policy !== 'never' && error instanceof SealosError && error.code === 'not-trusted') return undefined;
    throw error;
  }
}

export interface PushOptions extends TransferOptions {
  /** Its name at the registry; default: the name it has. */
  readonly to?: Reference | undefined;
  /** `oci` (default) as the image is in the store; `v2s2` in Docker's form, without annotations and under another digest. */
  readonly format?: 'oci' | 'v2s2' | undefined;
}

/**
 * Sends an image of the store to a registry: what the registry lacks, taken over there from other repositories where it can be.
 * Default: as it is in the store, an index with all that it lists. Returns what was named.
 */
export async function pushImage(store: Store, reference: Reference, options: PushOptions = {}): Promise<Descriptor> {
  const { to = reference, platform = 'all', signal } = options;
  if (to.digest !== undefined) {
    throw badInput('bad-reference', `cannot push to ${familiarName(to)}: a digest is not a name`, 'push to a tag');
  }
  const found = await store.resolve(reference);
  const root = options.format === 'v2s2' ? await writeDockerForm(store, store, reference, found, { signal }) : found;
  const source: ContentSource = { resolve: async () => root, fetch: (name, descriptor, more) => store.fetch(name, descriptor, more) };
  const origins = await findOrigins(store, to);
  return withRegistry(options.registry, async (registry) => {
    const sent: Descriptor[] = [];
    const pushed = await copyImage(source, withMounts(registry, origins), {
      from: reference,
      to,
      platform,
      signal,
      onEvent: options.onEvent,
      jobs: options.jobs,
      admit: async ({ documents }) => void sent.push(...documents),
    });
    for (const { digest } of sent) await carryAttached(store, registry, { from: reference, to, subject: digest }, { signal });
    return pushed;
  });
}

async function withRegistry<T>(given: Registry | RegistryOptions | undefined, work: (registry: Registry) => Promise<T>): Promise<T> {
  if (given !== undefined && 'resolve' in given) return work(given);
  await using registry = openRegistry(given ?? {});
  return await work(registry);
}

async function findInStore(
  store: Store,
  reference: Reference,
  platform: Platform | 'all' | undefined,
  signal: AbortSignal | undefined,
): Promise<Descriptor | undefined> {
  try {
    const found = await store.resolve(reference);
    if (platform === 'all') return (await isWhole(store, reference, found)) ? found : undefined;
    const { manifest } = await openManifest(store, reference, { platform, signal });
    // What is no image has no platform either. A single image serves whatever its platform, unless one was asked for.
    if (artifactTypeOf(manifest) === undefined) await openImage(store, reference, { platform, signal });
    return found;
  } catch (error) {
    if (error instanceof SealosError && ['image-not-found', 'no-platform', 'content-not-found'].includes(error.code)) return undefined;
    throw error;
  }
}

// A single image may be one out of a list that the registry has: that cannot be told from here.
async function isWhole(store: Store, reference: Reference, descriptor: Descriptor): Promise<boolean> {
  if (!isIndex(descriptor.mediaType)) return false;
  const { manifests } = parseIndex(await readContent(store, reference, descriptor), descriptor.mediaType);
  for (const manifest of manifests) if (!(await store.has(reference, manifest))) return false;
  return true;
}

// Where else on the same registry a blob is likely to be: in the repositories that images of the store are named after.
async function findOrigins(store: Store, to: Reference): Promise<ReadonlyMap<Digest, readonly string[]>> {
  const origins = new Map<Digest, string[]>();
  const read = async (reference: Reference, descriptor: Descriptor): Promise<void> => {
    const bytes = await readContent(store, reference, descriptor);
    if (isIndex(descriptor.mediaType)) {
      for (const child of parseIndex(bytes, descriptor.mediaType).manifests) await read(reference, child).catch(ignoreMissing);
      return;
    }
    for (const { digest } of parseManifest(bytes, descriptor.mediaType).layers) {
      const known = origins.get(digest) ?? [];
      if (!known.includes(reference.repository)) origins.set(digest, [...known, reference.repository]);
    }
  };
  for (const { reference, descriptor } of await store.list()) {
    if (reference.registry === to.registry && reference.repository !== to.repository)
      await read(reference, descriptor).catch(ignoreMissing);
  }
  return origins;
}

// Another image that is damaged or incomplete is no reason not to push this one.
function ignoreMissing(error: unknown): void {
  if (!(error instanceof SealosError)) throw error;
}

function withMounts(registry: Registry, origins: ReadonlyMap<Digest, readonly string[]>): ContentSink {
  return {
    async has(reference, descriptor, options) {
      if (await registry.has(reference, descriptor, options)) return true;
      for (const from of (origins.get(descriptor.digest) ?? []).slice(0, MOUNT_TRIES)) {
        if (await registry.mount(reference, descriptor, from, options)) return true;
      }
      return false;
    },
    write: (reference, descriptor, body, options) => registry.write(reference, descriptor, body, options),
    tag: (reference, descriptor, options) => registry.tag(reference, descriptor, options),
  };
}
