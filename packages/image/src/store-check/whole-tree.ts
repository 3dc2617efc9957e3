import { lstat, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { artifactTypeOf } from '../artifact.ts';
import { type Digest, hexOf } from '../digest.ts';
import { JSON_LIMIT } from '../json.ts';
import type { Descriptor } from '../manifest.ts';
import { originOf } from '../manifest-list/origins.ts';
import { parseImageConfig, parseIndex, parseManifest } from '../manifest-parse.ts';
import { isIndex, isManifest } from '../media-types.ts';

/** What a name leads to. */
export interface TreeState {
  /** Why it is not whole, one sentence; undefined when it is. */
  readonly fault: string | undefined;
  /** Manifests in its index that are there and not whole, while others are: without them the index is as one of fewer platforms. */
  readonly brokenManifests: readonly Digest[];
}

const DEPTH_LIMIT = 3; // as a copy follows indexes

/**
 * Whether a descriptor leads to a whole image: index, manifest, config and layers there, of the right sizes, and none of them `damaged`
 * (hex digests). Platforms of an index that are absent altogether were not pulled, which is no fault. Adds what it meets to `reached`.
 */
export async function treeState(store: string, root: Descriptor, damaged: ReadonlySet<string>, reached: Set<string>): Promise<TreeState> {
  const brokenManifests: Digest[] = [];

  const blobFault = async (what: string, descriptor: Descriptor): Promise<string | undefined> => {
    const hex = hexOf(descriptor.digest);
    const short = descriptor.digest.slice(0, 19);
    reached.add(hex);
    if (damaged.has(hex)) return `its ${what} ${short} is damaged`;
    const stat = await lstat(blobPath(store, hex)).catch(() => undefined);
    if (stat === undefined) return `its ${what} ${short} is missing`;
    return stat.size === descriptor.size ? undefined : `its ${what} ${short} has ${stat.size} bytes instead of ${descriptor.size}`;
  };
  const documentOf = async <T>(descriptor: Descriptor, parse: (bytes: Buffer) => T): Promise<T | string> => {
    if (descriptor.size > JSON_LIMIT) return `${descriptor.digest.slice(0, 19)} is bigger than a document may be`;
    try {
      return parse(await readFile(blobPath(store, hexOf(descriptor.digest))));
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  };
  const manifestFault = async (descriptor: Descriptor): Promise<string | undefined> => {
    const absent = await blobFault('manifest', descriptor);
    if (absent !== undefined) return absent;
    const manifest = await documentOf(descriptor, (bytes) => parseManifest(bytes, descriptor.mediaType));
    if (typeof manifest === 'string') return manifest;
    let first = await blobFault('config', manifest.config);
    for (const [position, layer] of manifest.layers.entries()) {
      const fault = await blobFault(`layer ${position + 1} of ${manifest.layers.length},`, layer);
      first ??= fault;
    }
    if (first !== undefined) return first;
    if (artifactTypeOf(manifest) !== undefined) return undefined;
    const config = await documentOf(manifest.config, parseImageConfig);
    if (typeof config === 'string') return config;
    const count = config.rootfs.diff_ids.length;
    return count === manifest.layers.length ? undefined : `its manifest has ${manifest.layers.length} layers, its config ${count}`;
  };
  const indexFault = async (descriptor: Descriptor, depth: number): Promise<string | undefined> => {
    if (depth > DEPTH_LIMIT) return 'its indexes are nested too deep';
    const absent = await blobFault('index', descriptor);
    if (absent !== undefined) return absent;
    const index = await documentOf(descriptor, (bytes) => parseIndex(bytes, descriptor.mediaType));
    if (typeof index === 'string') return index;
    let first: string | undefined;
    const broken: Digest[] = [];
    let whole = 0;
    // A list may be empty as yet, or of images that are at a registry.
    let isForElsewhere = index.manifests.length === 0;
    for (const child of index.manifests) {
      if ((await lstat(blobPath(store, hexOf(child.digest))).catch(() => undefined)) === undefined) {
        isForElsewhere ||= (await originOf({ path: store }, child.digest)) !== undefined;
        continue;
      }
      const fault = await faultOf(child, depth + 1);
      first ??= fault;
      if (fault === undefined) whole++;
      else broken.push(child.digest);
    }
    if (whole > 0) brokenManifests.push(...broken);
    return whole === 0 && !isForElsewhere ? (first ?? 'its index lists no image that is there') : first;
  };
  const faultOf = async (descriptor: Descriptor, depth: number): Promise<string | undefined> => {
    if (isManifest(descriptor.mediaType)) return manifestFault(descriptor);
    if (isIndex(descriptor.mediaType)) return indexFault(descriptor, depth);
    return blobFault(`content`, descriptor);
  };
  return { fault: await faultOf(root, 0), brokenManifests };
}

function blobPath(store: string, hex: string): string {
  return join(store, 'blobs', 'sha256', hex);
}
