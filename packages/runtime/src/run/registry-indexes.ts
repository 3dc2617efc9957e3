import { createHash } from 'node:crypto';
import { type Image, listFiles, readFiles, type Store } from '@sealos/image';
import * as v from 'valibot';
import type { HostFile } from '../host/host.ts';

// What a registry keeps on its disk (docker distribution, registry/storage/paths.go): blobs by digest, and below each repository a link
// for every manifest and every tag.
const ROOT = 'registry/docker/registry/v2';
const TAG_LINK = /^registry\/docker\/registry\/v2\/repositories\/(.+)\/_manifests\/tags\/([^/]+)\/current\/link$/;
const DIGEST = /^sha256:([0-9a-f]{64})$/;
const OCI_INDEX = 'application/vnd.oci.image.index.v1+json';
const MAX_MANIFEST = 4 * 1024 * 1024;

/** A manifest that a tag leads to. */
export interface TaggedManifest {
  readonly digest: string;
  readonly size: number;
  readonly mediaType: string;
  /** Of an index: what is in it. */
  readonly manifests: readonly object[] | undefined;
}

/** By `REPOSITORY:TAG`. */
export type RegistryTags = ReadonlyMap<string, TaggedManifest>;

const blobPath = (hex: string) => `${ROOT}/blobs/sha256/${hex.slice(0, 2)}/${hex}/data`;
const manifestSchema = v.looseObject({ mediaType: v.optional(v.string()), manifests: v.optional(v.array(v.looseObject({}))) });

/** Where the tags of an image's own registry lead. */
export async function registryTags(store: Store, image: Image, signal: AbortSignal): Promise<RegistryTags> {
  const files = await listFiles(store, image, { signal });
  if (![...files.keys()].some((path) => TAG_LINK.test(path))) return new Map();
  const links = await readFiles(store, image, ({ path }) => TAG_LINK.test(path), { limit: 1024, signal });
  const wanted = new Map<string, string>();
  for (const [path, content] of links) {
    const [, repository, tag] = TAG_LINK.exec(path) ?? [];
    const [, hex] = DIGEST.exec(Buffer.from(content).toString().trim()) ?? [];
    if (repository !== undefined && tag !== undefined && hex !== undefined) wanted.set(`${repository}:${tag}`, hex);
  }
  const paths = new Set([...wanted.values()].map(blobPath));
  const blobs = await readFiles(store, image, ({ path }) => paths.has(path), { limit: MAX_MANIFEST, signal });
  return new Map(
    [...wanted].flatMap(([name, hex]): readonly (readonly [string, TaggedManifest])[] => {
      const content = blobs.get(blobPath(hex));
      if (content === undefined) return [];
      const parsed = v.safeParse(manifestSchema, JSON.parse(Buffer.from(content).toString()));
      if (!parsed.success) return [];
      const { manifests, mediaType = manifests ? OCI_INDEX : 'application/vnd.oci.image.manifest.v1+json' } = parsed.output;
      return [[name, { digest: `sha256:${hex}`, size: content.byteLength, mediaType, manifests }]];
    }),
  );
}

/**
 * Files that make tags, which lead to different manifests in the registries of different architectures, lead to an index of them all. Those
 * that are the same everywhere stay as they are. Paths are relative to the rootfs.
 */
export function registryIndexes(registries: ReadonlyMap<string, RegistryTags>): readonly HostFile[] {
  const names = new Set([...registries.values()].flatMap((tags) => [...tags.keys()]));
  return [...names].sort().flatMap((name) => {
    const found = [...registries].flatMap(([architecture, tags]) => {
      const manifest = tags.get(name);
      return manifest ? [{ architecture, manifest }] : [];
    });
    if (new Set(found.map(({ manifest }) => manifest.digest)).size < 2) return [];
    const entries = found.flatMap(
      ({ architecture, manifest: { digest, size, mediaType, manifests } }): readonly object[] =>
        // An index of that architecture's registry holds what there is for it.
        manifests ?? [{ mediaType, digest, size, platform: { os: 'linux', architecture } }],
    );
    const content = JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: entries });
    const hex = createHash('sha256').update(content).digest('hex');
    const at = name.lastIndexOf(':');
    const manifests = `${ROOT}/repositories/${name.slice(0, at)}/_manifests`;
    const tag = `${manifests}/tags/${name.slice(at + 1)}`;
    const link = { content: `sha256:${hex}`, mode: 0o644 };
    return [
      { path: blobPath(hex), content, mode: 0o644 },
      { path: `${manifests}/revisions/sha256/${hex}/link`, ...link },
      { path: `${tag}/index/sha256/${hex}/link`, ...link },
      { path: `${tag}/current/link`, ...link },
    ];
  });
}
