import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, rename, rm, rmdir } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { layoutEntries, requirePresent, type SaveOptions, watched } from './archive-save.ts';
import { syncDirectory } from './atomic.ts';
import { diskError } from './blob.ts';
import { type Digest, hexOf } from './digest.ts';
import { badInput } from './error.ts';
import { openImage } from './image.ts';
import { compressionOfLayer, stageLayer } from './layer.ts';
import { layerFiles, openLayer } from './layer-files.ts';
import type { Descriptor, Manifest, Platform } from './manifest.ts';
import { DOCKER_CONFIG, DOCKER_LAYER, DOCKER_LAYER_GZIP, DOCKER_MANIFEST } from './media-types.ts';
import type { Reference } from './reference.ts';
import type { Store } from './store.ts';
import type { TarEntry } from './tar.ts';
import { temporary } from './temporary.ts';
import { verified } from './verify.ts';

export interface SaveDirectoryOptions extends Omit<SaveOptions, 'format'> {
  /** `oci-dir`: an OCI layout; `docker-dir`: what skopeo's `dir:` reads, one image with a manifest of Docker's (v2 schema 2). */
  readonly format: 'oci-dir' | 'docker-dir';
  /** docker-dir: gzip for layers that are not gzip already; without it these are saved uncompressed. */
  readonly compress?: boolean | undefined;
}

/**
 * Saves images of the store into a directory that is new or empty and that appears when it is complete. Throws `not-empty`,
 * `many-images`, `image-not-found` (exit 2) before anything is written.
 */
export async function saveDirectory(
  store: Store,
  references: readonly Reference[],
  output: string,
  options: SaveDirectoryOptions,
): Promise<void> {
  const target = resolve(output);
  const names = await readdir(target).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw badInput('bad-output', `${target} is not a directory`);
  });
  if (names !== undefined && names.length > 0) throw badInput('not-empty', `${target} is not empty`, 'choose a new directory');
  const draft = join(dirname(target), `.${basename(target)}.${process.pid}.tmp`);
  const held = temporary(draft);
  try {
    await mkdir(draft).catch((error: unknown) => {
      const isAbsent = error instanceof Error && 'code' in error && error.code === 'ENOENT';
      throw isAbsent ? badInput('bad-output', `there is no directory ${dirname(target)}`) : error;
    });
    if (options.format === 'oci-dir') {
      for (const entry of await layoutEntries(store, references, { ...options, format: 'oci-archive' })) await write(draft, entry, options);
    } else await writeDockerDirectory(store, references, draft, options);
    if (names !== undefined) await rmdir(target);
    await rename(draft, target);
    await syncDirectory(dirname(target));
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    throw diskError(error, target);
  } finally {
    held.keep();
  }
}

async function write(directory: string, entry: TarEntry, options: Pick<SaveOptions, 'onEvent' | 'signal'>): Promise<void> {
  const path = join(directory, entry.path);
  if (entry.type === 'directory') return void (await mkdir(path, { recursive: true }));
  const { content } = watched(entry, options.onEvent);
  await using file = await open(path, 'wx', 0o644);
  options.signal?.throwIfAborted();
  if (content instanceof Uint8Array) await file.writeFile(content);
  else if (content !== undefined) {
    for await (const chunk of typeof content === 'function' ? await content() : createReadStream(content.file)) {
      options.signal?.throwIfAborted();
      await file.writeFile(chunk);
    }
  }
  await file.sync();
}

const MODE = { mode: 0o644, uid: 0, gid: 0, mtime: 0, type: 'file' } as const;

// containers/image's directory transport: `version`, `manifest.json`, and each blob named after its digest's hex.
async function writeDockerDirectory(
  store: Store,
  [reference, ...others]: readonly Reference[],
  directory: string,
  options: SaveDirectoryOptions,
): Promise<void> {
  if (reference === undefined) throw badInput('no-image', 'no image is named');
  if (others.length > 0) throw badInput('many-images', 'a docker-dir holds one image', 'save several as oci-dir, or into an archive');
  const platform: Platform | undefined = options.platform === 'all' ? undefined : options.platform;
  const image = await openImage(store, reference, { platform, signal: options.signal });
  await requirePresent(store, [image.manifest.config, ...image.layers]);
  const written = new Set<Digest>();
  const file: WriteBlob = async (digest, size, content) => {
    if (!written.has(digest)) await write(directory, { ...MODE, path: hexOf(digest), size, content }, options);
    written.add(digest);
  };
  const read = (blob: Descriptor) => async () => verified(await store.read(blob.digest, options), blob);
  const layers: Descriptor[] = [];
  for (const layer of image.layers) {
    layers.push(await saveLayer(store, layer, options, file));
  }
  const { config } = image.manifest;
  await file(config.digest, config.size, read(config));
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType: DOCKER_MANIFEST,
    config: { mediaType: DOCKER_CONFIG, digest: config.digest, size: config.size },
    layers,
  };
  for (const [path, text] of [
    ['manifest.json', JSON.stringify(manifest)],
    ['version', 'Directory Transport Version: 1.1\n'],
  ] as const) {
    const content = Buffer.from(text);
    await write(directory, { ...MODE, path, size: content.length, content }, options);
  }
}

type WriteBlob = (digest: Digest, size: number, content: NonNullable<TarEntry['content']>) => Promise<void>;

async function saveLayer(store: Store, layer: Descriptor, options: SaveDirectoryOptions, file: WriteBlob): Promise<Descriptor> {
  const compression = compressionOfLayer(layer.mediaType);
  if (compression === 'gzip') {
    const saved: Descriptor = { mediaType: DOCKER_LAYER_GZIP, digest: layer.digest, size: layer.size };
    await file(saved.digest, saved.size, async () => verified(await store.read(layer.digest, options), layer));
    return saved;
  }
  if (options.compress) {
    const staged = await stageLayer(store, await openLayer(store, layer, options), { compression: 'gzip', signal: options.signal });
    try {
      const { digest, size } = staged.descriptor;
      const saved: Descriptor = { mediaType: DOCKER_LAYER_GZIP, digest, size };
      await file(digest, size, () => createReadStream(staged.writer.path, { highWaterMark: 1024 * 1024 }));
      return saved;
    } finally {
      await staged.writer.discard();
    }
  }
  const { diffId, uncompressedBytes } = await layerFiles(store, layer, options);
  const saved: Descriptor = { mediaType: DOCKER_LAYER, digest: diffId, size: uncompressedBytes };
  await file(diffId, uncompressedBytes, () => openLayer(store, layer, options));
  return saved;
}
