import { type Digest, isDigest } from '../digest.ts';
import { JSON_LIMIT } from '../json.ts';
import { isRepository, isTag } from '../reference.ts';
import { savedRegistryPaths } from '../saved-registry/paths.ts';
import type { OpenFile, RegistryFiles } from './files.ts';

export interface StoredManifest {
  readonly digest: Digest;
  readonly bytes: Buffer;
}

/** What is in a registry, in docker-distribution's layout: contents once each, and links of repositories to them. */
export interface RegistryContent {
  readonly files: RegistryFiles;
  /** Those that have, or had, an image; sorted. */
  repositories(): Promise<readonly string[]>;
  /** Those too to which a first push is under way. */
  begunRepositories(): Promise<readonly string[]>;
  hasRepository(repository: string): Promise<boolean>;
  /** Sorted; undefined when there is no such repository. */
  tags(repository: string): Promise<readonly string[] | undefined>;
  /** Digests of all its manifests and indexes, tagged or not. */
  revisions(repository: string): Promise<readonly Digest[]>;
  tagged(repository: string, tag: string): Promise<Digest | undefined>;
  manifest(repository: string, name: { readonly tag: string } | { readonly digest: Digest }): Promise<StoredManifest | undefined>;
  putManifest(repository: string, manifest: StoredManifest, tag: string | undefined): Promise<void>;
  untag(repository: string, tag: string): Promise<boolean>;
  /** Takes a manifest, with the tags that mean it, out of a repository; its bytes stay until they are collected. */
  removeManifest(repository: string, digest: Digest): Promise<boolean>;
  /** Bytes of a blob that the repository has. */
  blobSize(repository: string, digest: Digest): Promise<number | undefined>;
  openBlob(repository: string, digest: Digest): Promise<OpenFile | undefined>;
  linkBlob(repository: string, digest: Digest): Promise<void>;
  unlinkBlob(repository: string, digest: Digest): Promise<boolean>;
}

export function registryContent(files: RegistryFiles): RegistryContent {
  const paths = savedRegistryPaths('');
  const isLinked = async (link: string): Promise<boolean> => (await files.size(link)) !== undefined;
  const digestIn = async (link: string): Promise<Digest | undefined> => {
    const text = (await files.read(link))?.toString('latin1').trim() ?? '';
    return isDigest(text) ? text : undefined;
  };
  const link = async (path: string, digest: Digest): Promise<void> => {
    if ((await digestIn(path)) !== digest) await files.write(path, digest);
  };
  const namesIn = async (path: string): Promise<readonly string[]> =>
    (await files.list(path)).filter(({ isDirectory }) => isDirectory).map(({ name }) => name);

  const repositoriesWith = async (isMember: (name: string) => boolean): Promise<readonly string[]> => {
    const found = new Set<string>();
    const visit = async (repository: string): Promise<void> => {
      for (const name of await namesIn(repository === '' ? paths.repositories : `${paths.repositories}/${repository}`)) {
        if (isMember(name) && isRepository(repository)) found.add(repository);
        const below = repository === '' ? name : `${repository}/${name}`;
        if (!name.startsWith('_') && below.length <= 255) await visit(below);
      }
    };
    await visit('');
    return [...found].sort();
  };

  const content: RegistryContent = {
    files,
    repositories: () => repositoriesWith((name) => name === '_manifests'),
    begunRepositories: () => repositoriesWith((name) => name.startsWith('_')),
    async hasRepository(repository) {
      return (await files.list(`${paths.repositories}/${repository}`)).some(({ name }) => name.startsWith('_'));
    },
    async tags(repository) {
      const names = (await namesIn(paths.tags(repository))).filter(isTag).sort();
      if (names.length > 0) return names;
      return (await content.hasRepository(repository)) ? [] : undefined;
    },
    async revisions(repository) {
      const found: Digest[] = [];
      for (const hex of await namesIn(paths.revisions(repository))) {
        const digest = `sha256:${hex}`;
        // docker-registry leaves the directory of a manifest that it removes.
        if (isDigest(digest) && (await isLinked(paths.revisionLink(repository, digest)))) found.push(digest);
      }
      return found;
    },
    tagged: (repository, tag) => digestIn(paths.tagLink(repository, tag)),
    async manifest(repository, name) {
      const digest = 'digest' in name ? name.digest : await content.tagged(repository, name.tag);
      if (digest === undefined || !(await isLinked(paths.revisionLink(repository, digest)))) return undefined;
      // What no registry takes is not one, whatever the directory says.
      if (((await files.size(paths.blob(digest))) ?? 0) > JSON_LIMIT) return undefined;
      const bytes = await files.read(paths.blob(digest));
      return bytes === undefined ? undefined : { digest, bytes };
    },
    async putManifest(repository, { digest, bytes }, tag) {
      const blob = paths.blob(digest);
      if ((await files.size(blob)) !== bytes.length) await files.write(blob, bytes);
      await link(paths.revisionLink(repository, digest), digest);
      if (tag === undefined) return;
      await link(paths.tagIndexLink(repository, tag, digest), digest);
      await link(paths.tagLink(repository, tag), digest);
    },
    untag: (repository, tag) => files.remove(`${paths.tags(repository)}/${tag}`),
    async removeManifest(repository, digest) {
      for (const tag of (await content.tags(repository)) ?? []) {
        if ((await content.tagged(repository, tag)) === digest) await content.untag(repository, tag);
      }
      return files.remove(parentOf(paths.revisionLink(repository, digest)));
    },
    async blobSize(repository, digest) {
      return (await isLinked(paths.layerLink(repository, digest))) ? files.size(paths.blob(digest)) : undefined;
    },
    async openBlob(repository, digest) {
      return (await isLinked(paths.layerLink(repository, digest))) ? files.open(paths.blob(digest)) : undefined;
    },
    linkBlob: (repository, digest) => link(paths.layerLink(repository, digest), digest),
    unlinkBlob: (repository, digest) => files.remove(parentOf(paths.layerLink(repository, digest))),
  };
  return content;
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'));
}
