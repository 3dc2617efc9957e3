import { join } from 'node:path';
import { type Digest, hexOf } from '../digest.ts';

/** Where docker-distribution's filesystem driver keeps things (registry/storage/paths.go is its own description of this layout). */
export interface SavedRegistryPaths {
  blob(digest: Digest): string;
  layerLink(repository: string, digest: Digest): string;
  revisionLink(repository: string, digest: Digest): string;
  tagLink(repository: string, tag: string): string;
  tagIndexLink(repository: string, tag: string, digest: Digest): string;
  /** The directories with one directory for each: of tags, and of manifests by their hex digits. */
  tags(repository: string): string;
  revisions(repository: string): string;
  readonly repositories: string;
}

/** `directory` is the one that is called `registry` in a cluster image. */
export function savedRegistryPaths(directory: string): SavedRegistryPaths {
  const root = join(directory, 'docker', 'registry', 'v2');
  const repositories = join(root, 'repositories');
  const manifests = (repository: string) => join(repositories, repository, '_manifests');
  return {
    repositories,
    blob: (digest) => join(root, 'blobs', 'sha256', hexOf(digest).slice(0, 2), hexOf(digest), 'data'),
    layerLink: (repository, digest) => join(repositories, repository, '_layers', 'sha256', hexOf(digest), 'link'),
    revisionLink: (repository, digest) => join(manifests(repository), 'revisions', 'sha256', hexOf(digest), 'link'),
    tagLink: (repository, tag) => join(manifests(repository), 'tags', tag, 'current', 'link'),
    tagIndexLink: (repository, tag, digest) => join(manifests(repository), 'tags', tag, 'index', 'sha256', hexOf(digest), 'link'),
    tags: (repository) => join(manifests(repository), 'tags'),
    revisions: (repository) => join(manifests(repository), 'revisions', 'sha256'),
  };
}
