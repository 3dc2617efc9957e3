import { stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import type { ContentOptions, ContentSink, ContentSource } from '../content.ts';
import type { Digest } from '../digest.ts';
import { badInput } from '../error.ts';
import { parseRegistry } from '../login.ts';
import type { Descriptor } from '../manifest.ts';
import { isRepository, isTag, parseReference, type Reference } from '../reference.ts';
import { openRegistry, type RegistryOptions } from '../registry/registry.ts';
import { openDiskFiles } from '../registry-server/disk-files.ts';
import { registryContent } from '../registry-server/registry-content.ts';
import { openSavedRegistry } from '../saved-registry/saved-registry.ts';

/** A whole registry, with what is in it: one that runs somewhere, or one at rest in a directory. */
export interface RegistryPlace extends ContentSource, ContentSink, AsyncDisposable {
  /** What a person calls it. */
  readonly title: string;
  /** The registry in references to what is in it. */
  readonly registry: string;
  repositories(options?: ContentOptions): Promise<readonly string[]>;
  tags(repository: string, options?: ContentOptions): Promise<readonly string[]>;
  /** Manifests that no tag leads to are told by a directory alone; undefined where they cannot be told. */
  revisions(repository: string): Promise<readonly Digest[]> | undefined;
  /** Takes a tag alone, or a manifest with all its tags, away. */
  remove(reference: Reference, options?: ContentOptions): Promise<void>;
  /** Takes a blob over from another repository of the same place; false where it is to be written. */
  mount(reference: Reference, blob: Descriptor, from: string, options?: ContentOptions): Promise<boolean>;
}

/**
 * Opens what a user names: `HOST[:PORT]` (also as a URL), or a directory: what exists as one, what begins with `/`, `./`, `../` or `~/`, and
 * what cannot be a host. Throws bad input. `exists`: a directory has to be there.
 */
export async function openPlace(
  text: string,
  options: { readonly registry: RegistryOptions; readonly exists: boolean },
): Promise<RegistryPlace> {
  const path = text.replace(/^~(?=\/|$)/, homedir());
  const found = await stat(path).catch(() => undefined);
  const isUrl = /^https?:\/\//.test(text);
  const isHost = isUrl || /^[^/]*[.:][^/]*\/?$/.test(text) || /^localhost\/?$/.test(text);
  if (isUrl || (isHost && !found?.isDirectory() && !/^\.{0,2}\//.test(text) && text !== '.' && text !== '..')) {
    return addressPlace(parseRegistry(text), { ...options.registry, plainHttp: options.registry.plainHttp || text.startsWith('http://') });
  }
  if (found !== undefined && !found.isDirectory()) throw badInput('bad-registry', `${text} is a file, not a registry's directory`);
  if (found === undefined && options.exists) {
    throw badInput('no-registry', `there is no directory ${text}`, 'a registry elsewhere is named HOST:PORT');
  }
  return directoryPlace(path);
}

/** A registry that answers at `HOST[:PORT]`. */
export function addressPlace(host: string, options: RegistryOptions): RegistryPlace {
  const client = openRegistry(options);
  return {
    title: host,
    registry: host,
    resolve: (reference, more) => client.resolve(reference, more),
    fetch: (reference, descriptor, more) => client.fetch(reference, descriptor, more),
    has: (reference, descriptor, more) => client.has(reference, descriptor, more),
    write: (reference, descriptor, body, more) => client.write(reference, descriptor, body, more),
    tag: (reference, descriptor, more) => client.tag(reference, descriptor, more),
    repositories: async (more) => (await client.listRepositories(host, more)).filter(isRepository),
    tags: async (repository, more) => (await client.listTags({ registry: host, repository, tag: 'latest' }, more)).filter(isTag),
    revisions: () => undefined,
    remove: (reference, more) => client.remove(reference, more),
    mount: (reference, blob, from, more) => client.mount(reference, blob, from, more),
    [Symbol.asyncDispose]: () => client.close(),
  };
}

/** A directory in docker-distribution's layout; nothing is made before something is written. */
export async function directoryPlace(directory: string): Promise<RegistryPlace> {
  const files = await openDiskFiles(directory);
  const content = registryContent(files);
  const saved = openSavedRegistry(directory);
  return {
    title: directory,
    registry: 'localhost',
    resolve: (reference, more) => saved.resolve(reference, more),
    fetch: (reference, descriptor, more) => saved.fetch(reference, descriptor, more),
    has: (reference, descriptor, more) => saved.has(reference, descriptor, more),
    write: (reference, descriptor, body, more) => saved.write(reference, descriptor, body, more),
    tag: (reference, descriptor, more) => saved.tag(reference, descriptor, more),
    repositories: () => content.repositories(),
    tags: async (repository) => (await content.tags(repository)) ?? [],
    revisions: (repository) => content.revisions(repository),
    async remove({ repository, tag, digest }) {
      const isGone =
        digest === undefined ? await content.untag(repository, tag ?? 'latest') : await content.removeManifest(repository, digest);
      if (!isGone)
        throw badInput('image-not-found', `there is no ${repository}${digest === undefined ? `:${tag}` : `@${digest}`} in ${directory}`);
    },
    // A content is there once: `has` links it.
    mount: async () => false,
    async [Symbol.asyncDispose]() {
      await saved[Symbol.asyncDispose]();
      await files[Symbol.asyncDispose]();
    },
  };
}

/** The name of an image in a place, with or without the place's registry before it. Throws `bad-reference` (exit 2). */
export function referenceIn(place: RegistryPlace, name: string): Reference {
  const host = [place.registry, place.title].find((known) => name.startsWith(`${known}/`));
  const { tag, digest, repository } = parseReference(`localhost/${host === undefined ? name : name.slice(host.length + 1)}`);
  const base = { registry: place.registry, repository };
  if (digest !== undefined) return { ...base, digest };
  return { ...base, tag: tag ?? 'latest' };
}
