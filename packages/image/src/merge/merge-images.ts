import { ociLayer } from '../build/image-document.ts';
import type { ContentOptions } from '../content.ts';
import { badInput } from '../error.ts';
import { type ImageFile, listFiles } from '../files.ts';
import { type Image, openImage, platformOf } from '../image.ts';
import { sourceDate, writeLayer } from '../layer.ts';
import { layerFiles, whiteoutOf } from '../layer-files.ts';
import type { Descriptor, HistoryEntry, ImageConfig, Manifest, Platform } from '../manifest.ts';
import { OCI_CONFIG, OCI_MANIFEST } from '../media-types.ts';
import { formatPlatform, normalizePlatform } from '../platform.ts';
import { familiarName, type Reference } from '../reference.ts';
import type { Store } from '../store.ts';
import { visibleEntries } from '../visible-entries.ts';
import { mergedConfig } from './merged-config.ts';

export interface MergeOptions extends ContentOptions {
  readonly names: readonly Reference[];
  /** Default: this machine's. */
  readonly platform?: Platform | undefined;
  /** Over those of the images. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  readonly environment?: NodeJS.ProcessEnv | undefined;
}

/** An image's layers with what they hold and how they came about. */
interface Part {
  readonly layers: readonly Descriptor[];
  readonly diffIds: ImageConfig['rootfs']['diff_ids'];
  readonly history: readonly HistoryEntry[];
}

/**
 * Makes one image of several of the store: the files of each over those of the ones before it, as if they were copied in this order.
 * Layers are referred to and not copied; only an image that would delete files of an earlier one is made one layer first. Throws
 * `few-images`, `no-platform` (exit 2).
 */
export async function mergeImages(store: Store, references: readonly Reference[], options: MergeOptions): Promise<Descriptor> {
  if (references.length < 2) throw badInput('few-images', 'a merge takes two images or more', 'to give one image another name: sealos tag');
  const images: Image[] = [];
  for (const reference of references)
    images.push(await openImage(store, reference, { platform: options.platform, signal: options.signal }));
  const platform = commonPlatform(images);
  const parts: Part[] = [];
  const below = new Map<string, ImageFile['type']>();
  for (const image of images) {
    const files = await listFiles(store, image, options);
    parts.push((await disturbs(store, image, below, files, options)) ? await flattened(store, image, options) : asItIs(image));
    for (const { path, type } of files.values()) below.set(path, type);
  }
  const latest = sourceDate(options.environment);
  const created = Math.max(0, ...images.map(({ config }) => Date.parse(config.created ?? '') / 1000 || 0));
  const config: ImageConfig = {
    created: `${new Date((latest ?? Math.floor(created)) * 1000).toISOString().slice(0, 19)}Z`,
    ...platform,
    config: mergedConfig(
      images.map((image) => image.config),
      { labels: options.labels ?? {}, env: options.env ?? {} },
    ),
    rootfs: { type: 'layers', diff_ids: parts.flatMap(({ diffIds }) => diffIds) },
    history: parts.flatMap(({ history }) => history),
  };
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: await store.writeBytes(JSON.stringify(config), OCI_CONFIG),
    layers: parts.flatMap(({ layers }) => layers).map(ociLayer),
    ...(options.annotations === undefined || Object.keys(options.annotations).length === 0 ? {} : { annotations: options.annotations }),
  };
  const descriptor = await store.writeBytes(JSON.stringify(manifest), OCI_MANIFEST);
  for (const name of options.names) await store.tag(name, descriptor, options);
  return descriptor;
}

function commonPlatform(images: readonly Image[]): Platform {
  const [first, ...others] = images.map(({ reference, config }) => ({ reference, platform: normalizePlatform(platformOf(config)) }));
  if (first === undefined) throw badInput('few-images', 'there is no image to merge');
  const odd = others.find(({ platform }) => formatPlatform(platform) !== formatPlatform(first.platform));
  if (odd === undefined) return first.platform;
  const [here, there] = [formatPlatform(first.platform), formatPlatform(odd.platform)];
  throw badInput(
    'no-platform',
    `${familiarName(first.reference)} is for ${here}, ${familiarName(odd.reference)} for ${there}`,
    'merge images of one platform, and choose it with --platform',
  );
}

// A copy adds and replaces, and deletes nothing: neither a whiteout that was meant for the image's own lower layers nor a file that
// was a directory's place in one of them may take away what lies below.
async function disturbs(
  store: Store,
  image: Image,
  below: ReadonlyMap<string, ImageFile['type']>,
  files: ReadonlyMap<string, ImageFile>,
  options: ContentOptions,
): Promise<boolean> {
  const parents = new Set([...below.keys()].flatMap(parentsOf));
  for (const layer of image.layers) {
    for (const { path, type } of (await layerFiles(store, layer, options)).entries) {
      const whiteout = whiteoutOf(path);
      if (whiteout !== undefined) {
        if (parents.has(whiteout.path) || (below.has(whiteout.path) && !whiteout.opaque)) return true;
      } else if (type !== 'directory' && below.get(path) === 'directory' && files.get(path)?.type !== type) return true;
    }
  }
  return false;
}

// The root's path is the empty one.
function parentsOf(path: string): readonly string[] {
  return path.split('/').map((_, depth, parts) => parts.slice(0, depth).join('/'));
}

function asItIs({ layers, config }: Image): Part {
  const diffIds = config.rootfs.diff_ids;
  const past = config.history ?? [];
  const isWhole = past.filter(({ empty_layer }) => empty_layer !== true).length === layers.length;
  const unknown = () => layers.map(() => ({ ...(config.created === undefined ? {} : { created: config.created }), created_by: 'unknown' }));
  return { layers, diffIds, history: isWhole ? past : unknown() };
}

async function flattened(store: Store, image: Image, options: ContentOptions): Promise<Part> {
  const layer = await writeLayer(
    store,
    visibleEntries(store, image, () => true, options),
    { signal: options.signal },
  );
  const { created } = image.config;
  const entry = { ...(created === undefined ? {} : { created }), created_by: `all files of ${familiarName(image.reference)}` };
  return { layers: [layer.descriptor], diffIds: [layer.diffId], history: [entry] };
}
