import type { Readable } from 'node:stream';
import * as v from 'valibot';
import { openArchiveInput } from './archive-input.ts';
import { shownArchive } from './archive-name.ts';
import { type Staging, type StagingOptions, stageArchive } from './archive-staging.ts';
import { artifactTypeOf } from './artifact.ts';
import { digestOf, hexOf } from './digest.ts';
import { badInput, SealosError } from './error.ts';
import { JSON_LIMIT, parseJson } from './json.ts';
import type { Descriptor, Manifest } from './manifest.ts';
import { parseImageConfig, parseIndex, parseManifest, requireConfig } from './manifest-parse.ts';
import { isIndex, isManifest, OCI_CONFIG, OCI_INDEX, OCI_MANIFEST } from './media-types.ts';
import { familiarName, parseReference, type Reference } from './reference.ts';
import { shownName } from './shown-name.ts';
import type { Store } from './store.ts';
import { REF_NAME, type StoredImage } from './store-index.ts';
import { chainIn } from './trust/admission.ts';
import { ARCHIVED_ATTACHMENTS, archivedAttachments } from './trust/archived.ts';
import { keepAttachments } from './trust/keep.ts';
import { requireTrusted } from './trust/require-trusted.ts';
import { readTrust, type Trust } from './trust/trust.ts';

export interface LoadOptions extends StagingOptions {
  /** Names the archive's only image, whatever name it has there; needed when it has none. */
  readonly name?: Reference | undefined;
  /** Stands in for the process's standard input when the path is `-`. */
  readonly stdin?: Readable | undefined;
  /** What is let in; default: what containers' policy.json says. */
  readonly trust?: Trust | undefined;
}

/** containerd's and Docker's annotation for a full name; beside it Docker's `ref.name` is a bare tag. */
export const CONTAINERD_NAME = 'io.containerd.image.name';

/**
 * Loads the images of an oci-archive or docker-archive (plain, gzip or zstd; a file, an http(s) URL, or `-` for standard input), or of a
 * directory with an OCI layout or of skopeo's `dir:`, into the store, in one pass, whatever the order of its entries. Nothing is visible
 * before all of it was read and verified. Returns what was named.
 * Throws `archive-not-found`, `bad-archive`, `image-unnamed` (exit 2); the store is then as it was.
 */
export async function loadArchive(store: Store, path: string, options: LoadOptions = {}): Promise<readonly StoredImage[]> {
  const what = shownArchive(path);
  try {
    await using archive = await openArchiveInput(path, options.signal, options.stdin);
    await using staging = await stageArchive(store, archive.input, options);
    const images = await imagesOf(staging, options.name);
    const attached = archivedAttachments(await staging.document(ARCHIVED_ATTACHMENTS), async (digest) =>
      staging.blob(digest) === undefined ? undefined : staging.readBlob(digest),
    );
    const trust = options.trust ?? (await readTrust());
    for (const { reference, descriptor } of images) {
      const chain = await chainIn(attached, reference, descriptor, options);
      await requireTrusted([attached, store], { reference, chain }, trust, options);
    }
    const subjects = new Set(images.flatMap(({ parts }) => parts));
    await keepAttachments(attached, store, [...subjects], options);
    for (const { parts } of images) for (const digest of parts) await staging.commit(digest);
    const named: StoredImage[] = [];
    for (const { reference, descriptor } of images) {
      await store.tag(reference, descriptor, { signal: options.signal });
      named.push({ reference, descriptor });
    }
    return named;
  } catch (error) {
    throw refusal(what, error);
  }
}

interface ArchivedImage extends StoredImage {
  /** What has to be committed, manifests last. */
  readonly parts: readonly Descriptor['digest'][];
}

async function imagesOf(staging: Staging, name: Reference | undefined): Promise<readonly ArchivedImage[]> {
  const index = await staging.document('index.json');
  if (index !== undefined) return layoutImages(staging, index, name);
  const manifest = await staging.document('manifest.json');
  if (manifest !== undefined) return dockerImages(staging, manifest, name);
  throw badInput('bad-archive', 'a tar archive, but not of images: it has no index.json and no manifest.json');
}

async function layoutImages(staging: Staging, bytes: Buffer, name: Reference | undefined): Promise<readonly ArchivedImage[]> {
  const images: ArchivedImage[] = [];
  for (const image of imagesOfLayout(bytes, name)) {
    const parts: Descriptor['digest'][] = [];
    await visit(staging, image.descriptor, parts, 0);
    images.push({ ...image, parts });
  }
  return images;
}

// A store's index.json, with all its names, is a document that everybody has to be able to read.
const NAMES_LIMIT = 1000;

/** The names in a layout's index.json. Throws `image-unnamed`, `many-images` (exit 2). */
export function imagesOfLayout(bytes: Buffer, name: Reference | undefined): readonly StoredImage[] {
  const { manifests } = parseIndex(bytes, OCI_INDEX);
  if (manifests.length > NAMES_LIMIT) throw badInput('bad-archive', `it names ${manifests.length} images, at most ${NAMES_LIMIT} are read`);
  return manifests.flatMap(({ mediaType, digest, size, annotations }) => {
    const names = [annotations?.[CONTAINERD_NAME] ?? annotations?.[REF_NAME]].filter((text) => text !== undefined);
    return referencesOf(names, name, manifests.length).map((reference) => ({ reference, descriptor: { mediaType, digest, size } }));
  });
}

// Depth first: what a manifest needs comes before it.
async function visit(staging: Staging, descriptor: Descriptor, parts: Descriptor['digest'][], depth: number): Promise<void> {
  const { mediaType, digest } = descriptor;
  const short = digest.slice(0, 19);
  if (staging.blob(digest) !== descriptor.size) throw badInput('bad-archive', `it lacks ${short}, or has it with another size`);
  if (descriptor.size > JSON_LIMIT) throw badInput('bad-archive', `its ${short}, a manifest, is bigger than 4 MiB`);
  if (isIndex(mediaType) && depth < 3) {
    const { manifests } = parseIndex(await staging.readBlob(digest), mediaType);
    // Docker saves the one platform that it has together with the whole index.
    const present = manifests.filter((child) => staging.blob(child.digest) !== undefined);
    if (present.length === 0) throw badInput('bad-archive', `it has none of the images that its index ${short} lists`);
    for (const child of present) await visit(staging, child, parts, depth + 1);
  } else if (isManifest(mediaType)) {
    const manifest = parseManifest(await staging.readBlob(digest), mediaType);
    for (const part of [manifest.config, ...manifest.layers]) {
      if (staging.blob(part.digest) !== part.size)
        throw badInput('bad-archive', `it lacks ${part.digest.slice(0, 19)}, or has it with another size`);
      parts.push(part.digest);
    }
    if (artifactTypeOf(manifest) === undefined) {
      if (manifest.config.size > JSON_LIMIT) throw badInput('bad-archive', "its image's config is bigger than 4 MiB");
      requireConfig(manifest, await staging.readBlob(manifest.config.digest));
    }
  } else throw badInput('bad-archive', `it holds '${shownName(mediaType)}', which is no image`);
  parts.push(digest);
}

const dockerManifest = v.array(
  v.object({
    Config: v.string(),
    RepoTags: v.optional(v.nullable(v.array(v.string())), []),
    Layers: v.optional(v.nullable(v.array(v.string())), []),
  }),
);

async function dockerImages(staging: Staging, bytes: Buffer, name: Reference | undefined): Promise<readonly ArchivedImage[]> {
  const value = parseJson(bytes, 'its manifest.json');
  if (v.is(dirManifest, value)) return directoryImage(staging, bytes, value.mediaType ?? OCI_MANIFEST, name);
  const parsed = v.safeParse(dockerManifest, value);
  if (!parsed.success) throw badInput('bad-archive', 'its manifest.json is not that of a docker-archive');
  if (parsed.output.length > NAMES_LIMIT)
    throw badInput('bad-archive', `it names ${parsed.output.length} images, at most ${NAMES_LIMIT} are read`);
  const images: ArchivedImage[] = [];
  for (const { Config, RepoTags, Layers } of parsed.output) {
    const config = await staging.document(Config);
    if (config === undefined) throw badInput('bad-archive', `it lacks the config '${shownName(Config)}'`);
    const diffIds = parseImageConfig(config).rootfs.diff_ids;
    const paths = Layers ?? [];
    if (diffIds.length !== paths.length)
      throw badInput('bad-archive', `it has ${paths.length} layers where the config names ${diffIds.length}`);
    const layers: Descriptor[] = [];
    for (const [position, path] of paths.entries()) {
      const layer = await staging.layer(path);
      if (layer === undefined) throw badInput('bad-archive', `it lacks the layer '${shownName(path)}'`);
      if (layer.diffId !== diffIds[position])
        throw badInput('content-mismatch', `its layer '${shownName(path)}' is not the one that the config names`);
      layers.push(layer.descriptor);
    }
    images.push(...(await convert(staging, config, layers, referencesOf(RepoTags ?? [], name, parsed.output.length))));
  }
  return images;
}

const dirManifest = v.looseObject({ schemaVersion: v.literal(2), mediaType: v.optional(v.string()) });

// What containers' `dir:` transport writes: one manifest, and its parts as files named after their digests' hex.
async function directoryImage(
  staging: Staging,
  bytes: Buffer,
  mediaType: string,
  name: Reference | undefined,
): Promise<readonly ArchivedImage[]> {
  if (isIndex(mediaType))
    throw badInput('bad-archive', 'it holds a list of images, of which dir: has no names', 'copy it as oci: or oci-archive:');
  const { config, layers } = parseManifest(bytes, mediaType);
  const document = await staging.document(hexOf(config.digest));
  if (document === undefined) throw badInput('bad-archive', `it lacks the config ${config.digest.slice(0, 19)}`);
  const diffIds = parseImageConfig(document).rootfs.diff_ids;
  const staged: Descriptor[] = [];
  for (const [position, { digest }] of layers.entries()) {
    const layer = await staging.layer(hexOf(digest));
    if (layer === undefined) throw badInput('bad-archive', `it lacks the layer ${digest.slice(0, 19)}`);
    if (layer.diffId !== diffIds[position])
      throw badInput('content-mismatch', `its layer ${digest.slice(0, 19)} is not the one that the config names`);
    staged.push(layer.descriptor);
  }
  return convert(staging, document, staged, referencesOf([], name, 1));
}

async function convert(
  staging: Staging,
  config: Buffer,
  layers: readonly Descriptor[],
  references: readonly Reference[],
): Promise<readonly ArchivedImage[]> {
  const descriptor: Descriptor = { mediaType: OCI_CONFIG, digest: digestOf(config), size: config.length };
  const manifest: Manifest = { schemaVersion: 2, mediaType: OCI_MANIFEST, config: descriptor, layers };
  const document = Buffer.from(JSON.stringify(manifest));
  await staging.add(config);
  await staging.add(document);
  const target: Descriptor = { mediaType: OCI_MANIFEST, digest: digestOf(document), size: document.length };
  const parts = [descriptor.digest, ...layers.map(({ digest }) => digest), target.digest];
  return references.map((reference) => ({ reference, descriptor: target, parts }));
}

// Names as in the archive, unless it is given another.
function referencesOf(names: readonly string[], name: Reference | undefined, images: number): readonly Reference[] {
  if (name !== undefined) {
    if (images === 1) return [name];
    throw badInput('many-images', `it holds ${images} images, which cannot all be named ${familiarName(name)}`, 'load it without a name');
  }
  if (names.length > NAMES_LIMIT) throw badInput('bad-archive', `it gives ${names.length} names to one image`);
  if (names.length === 0) throw badInput('image-unnamed', 'it holds an image without a name', 'name it with --name');
  return names.map(parseReference);
}

/** Whatever is wrong with an archive's content is the input's fault and changed nothing; the message says which archive. */
export function refusal(what: string, error: unknown): unknown {
  const blamed = new Set([
    'bad-archive',
    'bad-content',
    'bad-compression',
    'bad-reference',
    'bad-digest',
    'content-mismatch',
    'image-unnamed',
    'many-images',
  ]);
  if (!(error instanceof SealosError) || !blamed.has(error.code)) return error;
  if (error.message.startsWith(what)) return error;
  return new SealosError(error.code, `${what} cannot be loaded: ${error.message}`, { hint: error.hint, exitCode: 2, cause: error });
}
