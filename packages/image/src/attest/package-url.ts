import type { Digest } from '../digest.ts';
import type { Reference } from '../reference.ts';
import type { SystemPackage } from './system-packages.ts';

const encoded = (text: string) => encodeURIComponent(text).replaceAll('%3A', ':');

/** A package URL for an image (purl-spec, type oci): by digest; registry, repository and tag are qualifiers. */
export function imageUrl(image: {
  readonly registry?: string | undefined;
  readonly repository: string;
  readonly tag?: string | undefined;
  readonly digest: Digest;
}): string {
  const name = image.repository.slice(image.repository.lastIndexOf('/') + 1);
  const { registry, repository, tag, digest } = image;
  const qualifiers = [
    // A saved image has lost its registry's name.
    ...(registry === undefined ? [] : [`repository_url=${encodeURIComponent(`${registry}/${repository}`)}`]),
    ...(tag === undefined ? [] : [`tag=${encodeURIComponent(tag)}`]),
  ];
  const query = qualifiers.length === 0 ? '' : `?${qualifiers.join('&')}`;
  return `pkg:oci/${encoded(name.toLowerCase())}@${encodeURIComponent(digest)}${query}`;
}

/** The same for an image by its reference. */
export function referenceUrl(reference: Reference, digest: Digest): string {
  const { registry, repository, tag } = reference;
  return imageUrl({ registry, repository, tag, digest });
}

/** A package URL for a distribution's package (purl-spec, types deb and apk). */
export function packageUrl(one: SystemPackage): string {
  const { kind, name, version, architecture, distribution, release } = one;
  const vendor = distribution ?? (kind === 'deb' ? 'debian' : 'alpine');
  const qualifiers = [
    ...(architecture === undefined ? [] : [`arch=${encodeURIComponent(architecture)}`]),
    ...(distribution === undefined || release === undefined ? [] : [`distro=${encodeURIComponent(`${distribution}-${release}`)}`]),
  ];
  const query = qualifiers.length === 0 ? '' : `?${qualifiers.join('&')}`;
  return `pkg:${kind}/${encoded(vendor)}/${encoded(name)}@${encoded(version)}${query}`;
}
