import { createHash } from 'node:crypto';
import { type Digest, hexOf } from '../digest.ts';
import type { Image } from '../image.ts';
import { familiarName, type Reference } from '../reference.ts';
import { baseOf } from './base.ts';
import { imageUrl, packageUrl, referenceUrl } from './package-url.ts';
import type { SavedImage } from './saved-images.ts';
import type { SystemPackage } from './system-packages.ts';

export const SPDX_JSON = 'application/spdx+json';

export interface SbomInput {
  /** The name that the image is built under; undefined for one without. */
  readonly name: Reference | undefined;
  readonly image: Image;
  readonly saved: readonly SavedImage[];
  readonly packages: readonly SystemPackage[];
  /** Of this program. */
  readonly version: string;
}

interface Package {
  readonly SPDXID: string;
  readonly name: string;
  readonly [field: string]: unknown;
}

/** An SPDX 2.3 document of what is in a cluster image: the image it was built on, its container images, its system's packages. The same image gives the same bytes. */
export function spdxDocument(input: SbomInput): Buffer {
  const { image, name, saved, packages, version } = input;
  const digest = image.descriptor.digest;
  const root = imagePackage(
    'SPDXRef-Image',
    name === undefined ? 'unnamed' : familiarName({ registry: name.registry, repository: name.repository }),
    digest,
    {
      version: name?.tag,
      url: name === undefined ? imageUrl({ repository: 'unnamed', digest }) : referenceUrl(name, digest),
    },
  );
  const base = baseOf(image);
  const basePackage =
    base === undefined
      ? []
      : [
          imagePackage(
            'SPDXRef-BaseImage',
            familiarName({ registry: base.reference.registry, repository: base.reference.repository }),
            base.digest,
            { version: base.reference.tag, url: referenceUrl(base.reference, base.digest) },
          ),
        ];
  const images = saved.map((one) =>
    imagePackage(`SPDXRef-ContainerImage-${idOf(`${one.repository}:${one.tag}`)}`, one.repository, one.digest, {
      version: one.tag,
      url: imageUrl(one),
    }),
  );
  const systems = packages.map(systemPackage);
  const contained = [...images, ...systems];
  const document = {
    spdxVersion: 'SPDX-2.3',
    dataLicense: 'CC0-1.0',
    SPDXID: 'SPDXRef-DOCUMENT',
    name: root.name,
    // It has to be unique for the content, and names no place.
    documentNamespace: `https://spdx.org/spdxdocs/sealos-${hexOf(digest)}`,
    creationInfo: { created: createdOf(image), creators: [`Tool: sealos-${version}`] },
    packages: [root, ...basePackage, ...contained],
    relationships: [
      relationship('SPDXRef-DOCUMENT', 'DESCRIBES', root.SPDXID),
      ...basePackage.map(({ SPDXID }) => relationship(root.SPDXID, 'DESCENDANT_OF', SPDXID)),
      ...contained.map(({ SPDXID }) => relationship(root.SPDXID, 'CONTAINS', SPDXID)),
    ],
  };
  return Buffer.from(`${JSON.stringify(document, undefined, 1)}\n`);
}

function imagePackage(
  SPDXID: string,
  name: string,
  digest: Digest,
  more: { readonly version: string | undefined; readonly url: string },
): Package {
  return {
    SPDXID,
    name,
    ...(more.version === undefined ? {} : { versionInfo: more.version }),
    downloadLocation: 'NOASSERTION',
    filesAnalyzed: false,
    primaryPackagePurpose: 'CONTAINER',
    checksums: [{ algorithm: 'SHA256', checksumValue: hexOf(digest) }],
    externalRefs: [{ referenceCategory: 'PACKAGE-MANAGER', referenceType: 'purl', referenceLocator: more.url }],
  };
}

function systemPackage(one: SystemPackage): Package {
  const url = packageUrl(one);
  return {
    SPDXID: `SPDXRef-Package-${idOf(url)}`,
    name: one.name,
    versionInfo: one.version,
    downloadLocation: 'NOASSERTION',
    filesAnalyzed: false,
    externalRefs: [{ referenceCategory: 'PACKAGE-MANAGER', referenceType: 'purl', referenceLocator: url }],
  };
}

function relationship(spdxElementId: string, relationshipType: string, relatedSpdxElement: string): object {
  return { spdxElementId, relationshipType, relatedSpdxElement };
}

// Letters, digits, `.` and `-` only; the hash keeps apart what looks alike then.
function idOf(text: string): string {
  const readable = text.replace(/^pkg:[a-z]+\//, '').replaceAll(/[^A-Za-z0-9.-]+/g, '-');
  return `${readable.slice(0, 60)}-${createHash('sha256').update(text).digest('hex').slice(0, 12)}`;
}

// SPDX wants seconds. An image without a time has that of its reproducible kind: the beginning of 1970.
function createdOf(image: Image): string {
  const time = Date.parse(image.config.created ?? '');
  return `${new Date(Number.isNaN(time) ? 0 : time).toISOString().slice(0, 19)}Z`;
}
