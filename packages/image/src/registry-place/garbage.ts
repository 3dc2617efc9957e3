import { readdir, rename, rm, rmdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ContentOptions } from '../content.ts';
import { type Digest, isDigest } from '../digest.ts';
import { badInput } from '../error.ts';
import { openDiskFiles } from '../registry-server/disk-files.ts';
import { type RegistryContent, registryContent } from '../registry-server/registry-content.ts';
import { openDrafts } from '../saved-registry/drafts.ts';
import { savedRegistryPaths } from '../saved-registry/paths.ts';

export interface CollectOptions extends ContentOptions {
  /** Only what has been there for this long (milliseconds): a push that is under way has sent its contents, and not yet the manifest. */
  readonly olderThan: number;
  /** Manifests that no tag leads to are garbage too. They may be wanted by digest. */
  readonly untagged?: boolean | undefined;
  /** Say what would go, and change nothing. */
  readonly dryRun?: boolean | undefined;
}

export interface RegistryGarbage {
  readonly blobs: number;
  readonly bytes: number;
  /** Manifests taken out of their repositories. */
  readonly manifests: number;
}

interface Candidate {
  readonly digest: Digest;
  readonly bytes: number;
}

/**
 * Removes what nothing in a registry's directory leads to, also while registries serve it: the repositories' links to the contents go first, so
 * that no registry promises them to anybody any more; what a manifest that came meanwhile names is linked again; then the contents are moved
 * aside, looked for once more, and removed or put back. Killed at any point it leaves at most contents that are to be pushed again.
 */
export async function collectRegistryGarbage(directory: string, options: CollectOptions): Promise<RegistryGarbage> {
  const { dryRun = false, signal } = options;
  if (!(await stat(directory).catch(() => undefined))?.isDirectory()) throw badInput('no-registry', `there is no directory ${directory}`);
  await using files = await openDiskFiles(directory);
  const content = registryContent(files);
  const paths = savedRegistryPaths(directory);
  const before = Date.now() - options.olderThan;
  const repositories = await content.begunRepositories();

  const dropped = options.untagged ? await untagged(content, repositories, paths, before) : [];
  const isDropped = new Set(dropped.map(({ repository, digest }) => `${repository}@${digest}`));
  const marked = await mark(content, repositories, (repository, digest) => !isDropped.has(`${repository}@${digest}`));
  const candidates: Candidate[] = [];
  for await (const { digest, bytes, modified } of blobsIn(directory)) {
    signal?.throwIfAborted();
    if (modified >= before || marked.has(digest)) continue;
    const links = await Promise.all(repositories.map((repository) => stat(paths.layerLink(repository, digest)).catch(() => undefined)));
    if (links.every((link) => link === undefined || link.mtimeMs < before)) candidates.push({ digest, bytes });
  }
  const result = (gone: readonly Candidate[]): RegistryGarbage => ({
    blobs: gone.length,
    bytes: gone.reduce((sum, { bytes }) => sum + bytes, 0),
    manifests: dropped.length,
  });
  if (dryRun) return result(candidates);

  for (const { repository, digest } of dropped) await content.removeManifest(repository, digest);
  for (const { digest } of candidates) for (const repository of repositories) await content.unlinkBlob(repository, digest);
  const now = await content.begunRepositories();
  const wanted = await mark(content, now);
  const gone: Candidate[] = [];
  for (const candidate of candidates) {
    if (!wanted.has(candidate.digest)) gone.push(candidate);
    else for (const repository of wanted.get(candidate.digest) ?? []) await content.linkBlob(repository, candidate.digest);
  }
  return result(await sweep(directory, content, gone));
}

/** Which repositories' manifests name a digest. Every digest in a manifest's text counts, whatever kind it is of. */
async function mark(
  content: RegistryContent,
  repositories: readonly string[],
  isWanted: (repository: string, digest: Digest) => boolean = () => true,
): Promise<ReadonlyMap<Digest, ReadonlySet<string>>> {
  const marked = new Map<Digest, Set<string>>();
  for (const repository of repositories) {
    for (const revision of await content.revisions(repository)) {
      if (!isWanted(repository, revision)) continue;
      for (const digest of [revision, ...(await digestsIn(content, repository, revision))]) {
        const known = marked.get(digest) ?? new Set();
        marked.set(digest, known.add(repository));
      }
    }
  }
  return marked;
}

async function digestsIn(content: RegistryContent, repository: string, digest: Digest): Promise<readonly Digest[]> {
  const text = (await content.manifest(repository, { digest }))?.bytes.toString('latin1') ?? '';
  return [...new Set(text.match(/sha256:[0-9a-f]{64}/g) ?? [])].filter(isDigest);
}

/** The manifests that no tag leads to, and that say nothing about one that is tagged. */
async function untagged(
  content: RegistryContent,
  repositories: readonly string[],
  paths: ReturnType<typeof savedRegistryPaths>,
  before: number,
): Promise<readonly { readonly repository: string; readonly digest: Digest }[]> {
  const dropped: { readonly repository: string; readonly digest: Digest }[] = [];
  for (const repository of repositories) {
    const revisions = new Set(await content.revisions(repository));
    const named = new Map<Digest, readonly Digest[]>();
    for (const revision of revisions) named.set(revision, await digestsIn(content, repository, revision));
    const kept = new Set<Digest>();
    const keep = (digest: Digest): void => {
      if (kept.has(digest) || !revisions.has(digest)) return;
      kept.add(digest);
      for (const other of named.get(digest) ?? []) keep(other);
    };
    for (const tag of (await content.tags(repository)) ?? []) {
      const digest = await content.tagged(repository, tag);
      if (digest !== undefined) keep(digest);
    }
    // A signature names what it signs.
    for (let size = -1; size !== kept.size; ) {
      size = kept.size;
      for (const [digest, others] of named) if (others.some((other) => kept.has(other))) keep(digest);
    }
    for (const digest of revisions) {
      const link = await stat(paths.revisionLink(repository, digest)).catch(() => undefined);
      if (!kept.has(digest) && link !== undefined && link.mtimeMs < before) dropped.push({ repository, digest });
    }
  }
  return dropped;
}

async function* blobsIn(directory: string): AsyncGenerator<Candidate & { readonly modified: number }> {
  const blobs = join(directory, 'docker', 'registry', 'v2', 'blobs', 'sha256');
  for (const prefix of await readdir(blobs).catch(() => [])) {
    for (const hex of await readdir(join(blobs, prefix)).catch(() => [])) {
      const digest = `sha256:${hex}`;
      const data = await stat(join(blobs, prefix, hex, 'data')).catch(() => undefined);
      if (isDigest(digest) && data?.isFile()) yield { digest, bytes: data.size, modified: data.mtimeMs };
    }
  }
}

async function sweep(directory: string, content: RegistryContent, candidates: readonly Candidate[]): Promise<readonly Candidate[]> {
  const paths = savedRegistryPaths(directory);
  await using drafts = openDrafts(directory);
  const aside = new Map<Candidate, string>();
  for (const candidate of candidates) {
    const grave = await drafts.next();
    await rename(paths.blob(candidate.digest), grave);
    aside.set(candidate, grave);
  }
  // Whoever found a content at the last moment has linked it by now.
  const repositories = await content.begunRepositories();
  const wanted = await mark(content, repositories);
  const gone: Candidate[] = [];
  for (const [candidate, grave] of aside) {
    const { digest } = candidate;
    const links = await Promise.all(repositories.map((repository) => stat(paths.layerLink(repository, digest)).catch(() => undefined)));
    const isWanted = wanted.has(digest) || links.some((link) => link !== undefined);
    const isThere = await stat(paths.blob(digest)).catch(() => undefined);
    if (isWanted && isThere === undefined) await rename(grave, paths.blob(digest));
    else {
      await rm(grave, { force: true });
      // Of a content that came again meanwhile the directory is not empty.
      await rmdir(dirname(paths.blob(digest))).catch(() => {});
      if (isThere === undefined) gone.push(candidate);
    }
  }
  return gone;
}
