import type { ContentOptions } from '../content.ts';
import { type Image, resolveManifest } from '../image.ts';
import type { Kubefile } from '../kubefile/instruction.ts';
import type { Descriptor } from '../manifest.ts';
import { parseImageConfig, parseManifest } from '../manifest-parse.ts';
import { parseReference, type Reference } from '../reference.ts';
import type { Store } from '../store.ts';
import { attachReferrer } from '../trust/referrers.ts';
import { readContent } from '../verify.ts';
import { IN_TOTO, provenanceStatement, SLSA_PROVENANCE } from './provenance.ts';
import { savedImages } from './saved-images.ts';
import { SPDX_JSON, spdxDocument } from './spdx.ts';
import { systemPackages } from './system-packages.ts';

export interface AttestOptions extends ContentOptions {
  /** The name of the image in the documents. */
  readonly name: Reference | undefined;
  /** Attach an SPDX document of what is in the image. */
  readonly sbom: boolean;
  /** Attach a statement of how it was built. */
  readonly provenance:
    | { readonly kubefile: Kubefile; readonly target: string | undefined; readonly buildArgs: readonly string[] }
    | undefined;
  /** Of this program. */
  readonly version: string;
}

/** Attaches to an image of the store what is asked for, as its referrers. The same image gets the same documents. */
export async function attest(store: Store, descriptor: Descriptor, options: AttestOptions): Promise<readonly Descriptor[]> {
  const { name, sbom, provenance, version } = options;
  const image = await openBuilt(store, descriptor, options);
  const { reference } = image;
  const saved = await savedImages(store, image, options);
  const attached: Descriptor[] = [];
  if (sbom) {
    const content = spdxDocument({ name, image, saved, packages: await systemPackages(store, image, options), version });
    attached.push(await attachReferrer(store, reference, { subject: descriptor, artifactType: SPDX_JSON, content }, options));
  }
  if (provenance !== undefined) {
    const content = provenanceStatement({ name, image, saved, version, ...provenance });
    const annotations = { 'in-toto.io/predicate-type': SLSA_PROVENANCE };
    attached.push(await attachReferrer(store, reference, { subject: descriptor, artifactType: IN_TOTO, content, annotations }, options));
  }
  return attached;
}

// By its descriptor: it may have no name yet.
async function openBuilt(store: Store, descriptor: Descriptor, options: ContentOptions): Promise<Image> {
  const reference = parseReference('localhost/unnamed');
  const found = await resolveManifest(store, reference, descriptor, options);
  const manifest = parseManifest(await readContent(store, reference, found, options), found.mediaType);
  const config = parseImageConfig(await readContent(store, reference, manifest.config, options));
  return { reference, descriptor: found, manifest, config, layers: manifest.layers };
}
