// Images and archives around hostile layers, documents and names; nothing here checks what it is given.
import { createHash } from 'node:crypto';
import {
  type Descriptor,
  DOCKER_LAYER,
  OCI_CONFIG,
  OCI_INDEX,
  OCI_LAYER,
  OCI_MANIFEST,
  parseReference,
  type Store,
} from '../../packages/image/src/index.ts';
import { file, tar } from './hostile-tar.ts';

export const NAME = 'localhost/hostile:1';
export const sha256 = (bytes: Buffer | string): `sha256:${string}` => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
export const describe = (bytes: Buffer, mediaType: string): Descriptor => ({ mediaType, digest: sha256(bytes), size: bytes.length });
const json = (value: unknown): Buffer => (Buffer.isBuffer(value) ? value : Buffer.from(JSON.stringify(value)));

/** An image's documents and layers, each of which a test may replace by what it likes. */
export interface Parts {
  readonly layers?: readonly Buffer[];
  /** Of the layers' descriptors. */
  readonly layerType?: string;
  readonly config?: unknown;
  readonly manifest?: (honest: { config: Descriptor; layers: readonly Descriptor[] }) => unknown;
  /** Entries of index.json, from the manifest's descriptor. */
  readonly entries?: (manifest: Descriptor) => unknown;
  /** Blobs besides, or in the place of others, by digest. */
  readonly blobs?: ReadonlyMap<string, Buffer>;
}

export interface MadeParts {
  readonly blobs: ReadonlyMap<string, Buffer>;
  readonly index: Buffer;
  readonly manifest: Buffer;
  readonly manifestDescriptor: Descriptor;
}

export function honestConfig(layers: readonly Buffer[], more: object = {}): object {
  return { architecture: 'amd64', os: 'linux', config: {}, rootfs: { type: 'layers', diff_ids: layers.map(sha256) }, ...more };
}

export function makeParts(parts: Parts): MadeParts {
  const layers = parts.layers ?? [tar(file('a', 'b'))];
  const config = json(parts.config ?? honestConfig(layers));
  const described = {
    config: describe(config, OCI_CONFIG),
    layers: layers.map((layer) => describe(layer, parts.layerType ?? OCI_LAYER)),
  };
  const manifest = json(parts.manifest?.(described) ?? { schemaVersion: 2, mediaType: OCI_MANIFEST, ...described });
  const manifestDescriptor = describe(manifest, OCI_MANIFEST);
  const named = { ...manifestDescriptor, annotations: { 'org.opencontainers.image.ref.name': NAME } };
  const entries = parts.entries?.(manifestDescriptor) ?? [named];
  const index = Buffer.isBuffer(entries) ? entries : json({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: entries });
  const blobs = new Map([...layers, config, manifest].map((bytes) => [sha256(bytes), bytes]));
  for (const [digest, bytes] of parts.blobs ?? []) blobs.set(digest as `sha256:${string}`, bytes);
  return { blobs, index, manifest, manifestDescriptor };
}

/** An oci-archive of it. */
export function ociArchive(parts: Parts): Buffer {
  const { blobs, index } = makeParts(parts);
  const files = [...blobs].map(([digest, bytes]) => file(`blobs/sha256/${digest.slice('sha256:'.length)}`, bytes));
  return tar(file('oci-layout', '{"imageLayoutVersion":"1.0.0"}'), ...files, file('index.json', index));
}

export interface DockerParts {
  readonly layers?: readonly Buffer[];
  readonly config?: unknown;
  readonly manifest?: unknown;
  readonly more?: readonly Buffer[];
}

/** A docker-archive of it. */
export function dockerArchive({ layers = [tar(file('a', 'b'))], config, manifest, more = [] }: DockerParts): Buffer {
  const names = layers.map((_, position) => `${position}/layer.tar`);
  return tar(
    file('config.json', json(config ?? honestConfig(layers))),
    ...layers.map((layer, position) => file(names[position] ?? '', layer)),
    ...more,
    file('manifest.json', json(manifest ?? [{ Config: 'config.json', RepoTags: [NAME], Layers: names }])),
  );
}

/** Puts an image of such layers into a store, past every check. */
export async function putImage(store: Store, layers: readonly Buffer[], name = NAME, config?: unknown): Promise<Descriptor> {
  const described: Descriptor[] = [];
  for (const layer of layers) described.push(await store.writeBytes(layer, DOCKER_LAYER));
  const written = await store.writeBytes(json(config ?? honestConfig(layers)), OCI_CONFIG);
  const manifest = await store.writeBytes(
    json({ schemaVersion: 2, mediaType: OCI_MANIFEST, config: written, layers: described }),
    OCI_MANIFEST,
  );
  await store.tag(parseReference(name), manifest);
  return manifest;
}
