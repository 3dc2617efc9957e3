import type { ContentOptions, ContentSource } from '../content.ts';
import type { PickedImage } from '../copy.ts';
import { SealosError } from '../error.ts';
import type { Descriptor } from '../manifest.ts';
import { parseIndex } from '../manifest-parse.ts';
import { isIndex } from '../media-types.ts';
import type { Reference } from '../reference.ts';
import type { Store } from '../store.ts';
import { readContent } from '../verify.ts';
import { attachmentReference } from './attachment.ts';
import { carryBundles } from './bundle.ts';
import { carrySignatures, writeDocuments } from './carry.ts';
import { demandsNothing } from './policy.ts';
import { carryReferrers } from './referrers.ts';
import { requireTrusted } from './require-trusted.ts';
import { optional } from './signatures.ts';
import type { Trust } from './trust.ts';

/**
 * Lets an image from a registry into the store, or throws `not-trusted`. Its signatures come along first, so that what is demanded
 * there is found here later without the registry.
 */
export async function admitFrom(
  registry: ContentSource,
  store: Store,
  reference: Reference,
  picked: PickedImage,
  trust: Trust,
  options: ContentOptions & { readonly referrers?: boolean | undefined },
): Promise<void> {
  const { chain } = picked;
  await requireTrusted([registry, store], { reference, chain }, trust, options);
  try {
    await keepSignatures(registry, store, reference, picked, options);
  } catch (error) {
    // Where nothing is demanded, an image is not worth less for a registry that does not say whether it is signed.
    const isOptional = trust.keys.length === 0 && demandsNothing(trust.policy, reference);
    if (!(isOptional && error instanceof SealosError)) throw error;
  }
  if (!options.referrers) return;
  for (const subject of new Set(chain.map(({ digest }) => digest)))
    await carryReferrers(registry, store, { from: reference, to: reference, subject }, options);
}

async function keepSignatures(
  registry: ContentSource,
  store: Store,
  reference: Reference,
  { chain, documents }: PickedImage,
  options: ContentOptions,
): Promise<void> {
  for (const subject of new Set([...chain, ...documents].map(({ digest }) => digest)))
    await carrySignatures(registry, store, { from: reference, to: reference, subject }, options);
  for (const subject of new Set(chain.map(({ digest }) => digest)))
    await carryBundles(registry, store, { from: reference, to: reference, subject }, options);
  const [list, picked] = chain;
  if (list === undefined || picked === undefined || list.digest === picked.digest) return;
  const name = attachmentReference(reference, picked.digest, '.list');
  await writeDocuments(store, name, [{ descriptor: list, bytes: await readContent(registry, reference, list, options) }], options);
}

/** Refuses an image of the store that is not trusted (`not-trusted`, exit 2): the manifest or index that was found under its name. */
export async function requireTrustedInStore(
  store: Store,
  reference: Reference,
  descriptor: Descriptor,
  trust: Trust,
  options: ContentOptions = {},
): Promise<void> {
  if (trust.keys.length === 0 && demandsNothing(trust.policy, reference)) return;
  const around = await listing(store, reference, descriptor, options);
  const chain = [...(await chainIn(store, reference, descriptor, options)), ...(around === undefined ? [] : [around])];
  await requireTrusted([store], { reference, chain }, trust, options);
}

/** A manifest with the index that it was picked from, where a store or an archive knows that: signing an index signs what it lists. */
export async function chainIn(
  source: ContentSource,
  reference: Reference,
  descriptor: Descriptor,
  options: ContentOptions = {},
): Promise<readonly Descriptor[]> {
  if (isIndex(descriptor.mediaType)) return [descriptor];
  const list = await listing(source, attachmentReference(reference, descriptor.digest, '.list'), descriptor, options);
  return list === undefined ? [descriptor] : [descriptor, list];
}

// The index of that name, if it does list the manifest.
async function listing(
  source: ContentSource,
  name: Reference,
  manifest: Descriptor,
  options: ContentOptions,
): Promise<Descriptor | undefined> {
  const list = await optional(source.resolve(name, options));
  if (list === undefined || !isIndex(list.mediaType)) return undefined;
  const bytes = await optional(readContent(source, name, list, options));
  if (bytes === undefined) return undefined;
  return parseIndex(bytes, list.mediaType).manifests.some(({ digest }) => digest === manifest.digest) ? list : undefined;
}
