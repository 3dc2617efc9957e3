import { artifactTypeOf } from './artifact.ts';
import type { ContentOptions, ContentSource } from './content.ts';
import { badInput, SealosError } from './error.ts';
import type { Descriptor, ImageConfig, Manifest, Platform } from './manifest.ts';
import { parseImageConfig, parseIndex, parseManifest } from './manifest-parse.ts';
import { isIndex, isManifest } from './media-types.ts';
import { formatPlatform, hostPlatform, matchesPlatform, pickPlatform } from './platform.ts';
import { familiarName, type Reference } from './reference.ts';
import { shownName } from './shown-name.ts';
import { readContent } from './verify.ts';

/** One platform's image: everything about it but the layers' bytes. */
export interface Image {
  readonly reference: Reference;
  /** Of the manifest, not of an index around it. */
  readonly descriptor: Descriptor;
  readonly manifest: Manifest;
  readonly config: ImageConfig;
  /** The manifest's layers, the lowest first; `config.rootfs.diff_ids` has as many. */
  readonly layers: readonly Descriptor[];
}

export interface OpenImageOptions extends ContentOptions {
  /** Default: this machine's. A single image of another platform is opened unless a platform was asked for. */
  readonly platform?: Platform | undefined;
}

/**
 * Opens an image by name: out of an index the manifest for the platform. Throws `image-not-found`, `no-platform` (exit 2, lists
 * what there is), `not-an-image` (exit 2), `bad-content`, `content-mismatch`.
 */
export async function openImage(source: ContentSource, reference: Reference, options: OpenImageOptions = {}): Promise<Image> {
  const { descriptor, manifest } = await openManifest(source, reference, options);
  const artifact = artifactTypeOf(manifest);
  if (artifact !== undefined) {
    const hint = "it can be pulled, pushed, saved, loaded and looked at with 'sealos inspect', but not used as an image";
    throw badInput('not-an-image', `${familiarName(reference)} is not an image but an artifact of type '${artifact}'`, hint);
  }
  const config = parseImageConfig(await readContent(source, reference, manifest.config, options));
  if (config.rootfs.diff_ids.length !== manifest.layers.length) {
    const counts = `${manifest.layers.length} layers, its config ${config.rootfs.diff_ids.length}`;
    throw new SealosError('bad-content', `${familiarName(reference)} is not valid: its manifest has ${counts}`);
  }
  if (options.platform !== undefined && !matchesPlatform(options.platform, config)) {
    throw noPlatform(reference, options.platform, [formatPlatform(platformOf(config))]);
  }
  return { reference, descriptor, manifest, config, layers: manifest.layers };
}

/** A name's manifest, of an image or of any other artifact; out of an index that for the platform. Throws as `openImage` does. */
export async function openManifest(
  source: ContentSource,
  reference: Reference,
  options: OpenImageOptions = {},
): Promise<{ readonly descriptor: Descriptor; readonly manifest: Manifest }> {
  const descriptor = await resolveManifest(source, reference, await source.resolve(reference, options), options);
  return { descriptor, manifest: parseManifest(await readContent(source, reference, descriptor, options), descriptor.mediaType) };
}

/** From what a name resolved to, to one image's manifest: through an index (or an index in it) by platform. */
export async function resolveManifest(
  source: ContentSource,
  reference: Reference,
  descriptor: Descriptor,
  options: OpenImageOptions = {},
): Promise<Descriptor> {
  if (isManifest(descriptor.mediaType)) return descriptor;
  if (!isIndex(descriptor.mediaType)) {
    throw new SealosError('bad-content', `${familiarName(reference)} is not an image but '${shownName(descriptor.mediaType)}'`, {
      exitCode: 2,
    });
  }
  const wanted = options.platform ?? hostPlatform();
  const { manifests } = parseIndex(await readContent(source, reference, descriptor, options), descriptor.mediaType);
  const found = pickPlatform(manifests, wanted);
  if (found === undefined) throw noPlatform(reference, wanted, platformsIn(manifests));
  if (!isManifest(found.mediaType)) throw new SealosError('bad-content', `${familiarName(reference)} holds an index in an index`);
  return found;
}

/** The platform an image's config names. */
export function platformOf(config: ImageConfig): Platform {
  const { os, architecture, variant } = config;
  return variant === undefined ? { os, architecture } : { os, architecture, variant };
}

function platformsIn(manifests: readonly Descriptor[]): readonly string[] {
  const platforms = manifests.flatMap(({ platform }) =>
    platform === undefined || platform.os === 'unknown' ? [] : [formatPlatform(platform)],
  );
  return [...new Set(platforms)].sort();
}

function noPlatform(reference: Reference, wanted: Platform, present: readonly string[]): SealosError {
  const there = present.length === 0 ? 'it names none' : `it is for ${shownName(present.join(', '))}`;
  return badInput(
    'no-platform',
    `${familiarName(reference)} is not for ${formatPlatform(wanted)}: ${there}`,
    'choose another with --platform',
  );
}
