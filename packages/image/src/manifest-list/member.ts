import type { ContentOptions, ContentSource } from '../content.ts';
import { badInput } from '../error.ts';
import { platformOf } from '../image.ts';
import type { Descriptor, Index, Platform } from '../manifest.ts';
import { parseImageConfig, parseIndex, parseManifest } from '../manifest-parse.ts';
import { isIndex } from '../media-types.ts';
import { formatPlatform, hostPlatform, normalizePlatform, pickPlatform } from '../platform.ts';
import { familiarName, type Reference } from '../reference.ts';
import { readContent } from '../verify.ts';

/** What a list says of a member besides what the image says itself (buildah's flags of `manifest add` and `annotate`). */
export interface MemberFacts {
  readonly os?: string | undefined;
  readonly architecture?: string | undefined;
  readonly variant?: string | undefined;
  readonly osVersion?: string | undefined;
  readonly osFeatures?: readonly string[] | undefined;
  readonly features?: readonly string[] | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/**
 * The images that a name at a source stands for: all that its list has, or the one for the platform that the facts name
 * (default: this machine's), with its platform. Throws `no-platform` (exit 2).
 */
export async function membersAt(
  source: ContentSource,
  reference: Reference,
  options: ContentOptions & { readonly all?: boolean | undefined; readonly facts?: MemberFacts | undefined },
): Promise<readonly Descriptor[]> {
  const descriptor = await source.resolve(reference, options);
  if (!isIndex(descriptor.mediaType)) return [await withPlatform(source, reference, descriptor, options)];
  const { manifests } = parseIndex(await readContent(source, reference, descriptor, options), descriptor.mediaType);
  if (options.all) return manifests;
  const host = hostPlatform();
  const { os = host.os, architecture = host.architecture, variant } = options.facts ?? {};
  const wanted = normalizePlatform({ os, architecture, ...(variant === undefined ? {} : { variant }) });
  const picked = pickPlatform(manifests, wanted);
  if (picked !== undefined) return [picked.platform ? picked : await withPlatform(source, reference, picked, options)];
  const there = manifests.flatMap(({ platform }) => (platform === undefined ? [] : [formatPlatform(platform)]));
  throw badInput(
    'no-platform',
    `${familiarName(reference)} is not for ${formatPlatform(wanted)}: it is for ${[...new Set(there)].sort().join(', ')}`,
    'take all of its images with --all, or choose one with --os, --arch and --variant',
  );
}

async function withPlatform(
  source: ContentSource,
  reference: Reference,
  { mediaType, digest, size }: Descriptor,
  options: ContentOptions,
): Promise<Descriptor> {
  const descriptor = { mediaType, digest, size };
  const manifest = parseManifest(await readContent(source, reference, descriptor, options), mediaType);
  const platform = platformOf(parseImageConfig(await readContent(source, reference, manifest.config, options)));
  return { ...descriptor, platform };
}

/** A member with what was said of it. Throws `no-platform` (exit 2) when it is given half a platform and has none of its own. */
export function withFacts(member: Descriptor, facts: MemberFacts): Descriptor {
  const { os, architecture, variant, osVersion, osFeatures, features, annotations } = facts;
  const given = {
    ...(os === undefined ? {} : { os }),
    ...(architecture === undefined ? {} : { architecture }),
    ...(variant === undefined ? {} : { variant }),
    ...(osVersion === undefined ? {} : { 'os.version': osVersion }),
    ...(osFeatures === undefined ? {} : { 'os.features': osFeatures }),
    ...(features === undefined ? {} : { features }),
  };
  const merged = { ...member.platform, ...given };
  const platform: Platform | undefined =
    merged.os === undefined || merged.architecture === undefined
      ? undefined
      : { ...merged, os: merged.os, architecture: merged.architecture };
  if (platform === undefined && Object.keys(given).length > 0)
    throw badInput('no-platform', `${member.digest.slice(0, 19)} names no platform of its own`, 'give both --os and --arch');
  return {
    ...member,
    ...(platform === undefined ? {} : { platform }),
    ...(annotations === undefined ? {} : { annotations: { ...member.annotations, ...annotations } }),
  };
}

/** An index with more members: each takes the place of the one of the same platform, so that adding again replaces. */
export function addMembers(index: Index, added: readonly Descriptor[]): Index {
  const kept = index.manifests.filter((old) => !added.some((member) => member.digest === old.digest || isSamePlace(member, old)));
  return { ...index, manifests: [...kept, ...added] };
}

function isSamePlace(a: Descriptor, b: Descriptor): boolean {
  // Attestations (unknown/unknown) are many for one index.
  if (a.platform === undefined || b.platform === undefined || a.platform.os === 'unknown') return false;
  return placeOf(a.platform) === placeOf(b.platform);
}

function placeOf(platform: Platform): string {
  const { os, architecture, variant } = normalizePlatform(platform);
  return JSON.stringify([os, architecture, variant, platform['os.version'], platform['os.features'], platform.features]);
}
