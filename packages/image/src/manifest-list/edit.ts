import type { ContentOptions, ContentSource } from '../content.ts';
import { type Digest, isDigest } from '../digest.ts';
import { badInput, SealosError } from '../error.ts';
import type { Descriptor, Index } from '../manifest.ts';
import { OCI_INDEX } from '../media-types.ts';
import { familiarName, parseReference, type Reference } from '../reference.ts';
import type { Registry } from '../registry/registry.ts';
import type { Store } from '../store.ts';
import { changeList, findList, hasList, hasName, type ManifestList, readList, writeList } from './list.ts';
import { addMembers, type MemberFacts, membersAt, withFacts } from './member.ts';
import { rememberOrigin } from './origins.ts';

export interface AddOptions extends ContentOptions {
  /** Where names are looked up that the store does not have. */
  readonly registry: Registry;
  /** Every image of a source that is a list itself, instead of one platform's. */
  readonly all?: boolean | undefined;
  readonly facts?: MemberFacts | undefined;
}

/**
 * Makes a list, of images where some are named. With `amend` they go into the list that has the name already. Throws `name-in-use`
 * and `not-an-index` (exit 2).
 */
export async function createList(
  store: Store,
  name: Reference,
  images: readonly string[],
  options: AddOptions & { readonly amend?: boolean | undefined },
): Promise<ManifestList> {
  const before = options.amend ? await findList(store, name, options) : undefined;
  if (!options.amend && (await hasName(store, name))) {
    const hint = (await hasList(store, name)) ? '; --amend adds to it' : '';
    throw badInput('name-in-use', `${familiarName(name)} is there already`, `remove it with 'sealos rmi ${familiarName(name)}'${hint}`);
  }
  // All are found before the list is made: a wrong name leaves nothing behind.
  const members: Descriptor[] = [];
  for (const image of images) members.push(...(await findMembers(store, image, options)));
  const list = before ?? (await writeList(store, name, { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [] }, options));
  return members.length === 0 ? list : changeList(store, name, (index) => addMembers(index, members), options);
}

/**
 * Adds an image to a list: of the store, or where it has none of the name, or with `docker://`, of its registry. Of the latter only
 * its documents are read; its layers go from registry to registry when the list is pushed. Returns the list and what was added.
 */
export async function addToList(
  store: Store,
  name: Reference,
  image: string,
  options: AddOptions,
): Promise<ManifestList & { readonly added: readonly Descriptor[] }> {
  await readList(store, name, options);
  const added = await findMembers(store, image, options);
  return { ...(await changeList(store, name, (index) => addMembers(index, added), options)), added };
}

/** Says more of a list's member, which is named by digest or by an image of the store. Throws `no-member` (exit 2). */
export async function annotateMember(
  store: Store,
  name: Reference,
  member: string,
  facts: MemberFacts,
  options: ContentOptions = {},
): Promise<ManifestList> {
  const digest = await memberDigest(store, name, member, options);
  return changeList(store, name, (index) => replaced(index, digest, (old) => [withFacts(old, facts)]), options);
}

/** Takes a member, named by digest or by an image of the store, out of a list. Throws `no-member` (exit 2). */
export async function removeMember(store: Store, name: Reference, member: string, options: ContentOptions = {}): Promise<ManifestList> {
  const digest = await memberDigest(store, name, member, options);
  return changeList(store, name, (index) => replaced(index, digest, () => []), options);
}

function replaced(index: Index, digest: Digest, change: (old: Descriptor) => readonly Descriptor[]): Index {
  return { ...index, manifests: index.manifests.flatMap((old) => (old.digest === digest ? change(old) : [old])) };
}

async function memberDigest(store: Store, name: Reference, member: string, options: ContentOptions): Promise<Digest> {
  const { index } = await readList(store, name, options);
  const digest = isDigest(member) ? member : await digestOfName(store, member);
  if (index.manifests.some((entry) => entry.digest === digest)) return digest;
  throw badInput(
    'no-member',
    `${familiarName(name)} does not list ${member}`,
    `'sealos manifest inspect ${familiarName(name)}' shows the digests of what it lists`,
  );
}

async function digestOfName(store: Store, text: string): Promise<Digest> {
  const reference = parseReference(text.replace(/^(docker|containers-storage):(\/\/)?/, ''));
  return reference.digest ?? (await store.resolve(reference)).digest;
}

async function findMembers(store: Store, image: string, options: AddOptions): Promise<readonly Descriptor[]> {
  const { all, facts, registry, signal } = options;
  if (all && (facts?.os ?? facts?.architecture ?? facts?.variant) !== undefined)
    throw badInput('bad-flag', '--all takes every platform, --os, --arch and --variant one', 'leave one of them away');
  const { reference, source } = await findSource(store, image, registry, signal);
  const members = await membersAt(source, reference, { all, facts, signal });
  for (const { digest } of source === store ? [] : members) await rememberOrigin(store, digest, reference);
  return facts === undefined ? members : members.map((member) => withFacts(member, facts));
}

async function findSource(
  store: Store,
  image: string,
  registry: Registry,
  signal: AbortSignal | undefined,
): Promise<{ readonly reference: Reference; readonly source: ContentSource }> {
  const transport = /^(docker|containers-storage|oci|oci-archive|docker-archive|docker-daemon|dir|tarball):/.exec(image)?.[1];
  if (transport === 'docker') return { reference: parseReference(image.replace(/^docker:(\/\/)?/, '')), source: registry };
  if (transport !== undefined && transport !== 'containers-storage')
    throw badInput('bad-reference', `images come from the store or a registry, not from '${transport}:'`, "'sealos load' reads archives");
  const reference = parseReference(image.replace(/^containers-storage:/, ''));
  try {
    await store.resolve(reference);
    return { reference, source: store };
  } catch (error) {
    if (transport !== undefined || !(error instanceof SealosError) || error.code !== 'image-not-found') throw error;
    await registry.resolve(reference, { signal });
    return { reference, source: registry };
  }
}
