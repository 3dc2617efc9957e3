import { digestOf, hexOf } from '../digest.ts';
import type { Image } from '../image.ts';
import { platformOf } from '../image.ts';
import type { Kubefile } from '../kubefile/instruction.ts';
import { formatPlatform } from '../platform.ts';
import { formatReference, type Reference } from '../reference.ts';
import { baseOf } from './base.ts';
import { imageUrl, referenceUrl } from './package-url.ts';
import type { SavedImage } from './saved-images.ts';

/** in-toto attestation framework v1, and the predicate type of SLSA's provenance v1. */
export const IN_TOTO = 'application/vnd.in-toto+json';
export const STATEMENT = 'https://in-toto.io/Statement/v1';
export const SLSA_PROVENANCE = 'https://slsa.dev/provenance/v1';

export interface ProvenanceInput {
  readonly name: Reference | undefined;
  readonly image: Image;
  readonly kubefile: Kubefile;
  readonly target: string | undefined;
  /** Names of the build arguments that were given. Their values stay out: people pass secrets in them. */
  readonly buildArgs: readonly string[];
  readonly saved: readonly SavedImage[];
  readonly version: string;
}

/**
 * An in-toto statement with SLSA's provenance: from which build file, on which base image and with which container images an image
 * was built. No time, host or path is in it, so the same build says the same.
 */
export function provenanceStatement(input: ProvenanceInput): Buffer {
  const { name, image, kubefile, target, buildArgs, saved, version } = input;
  const { digest } = image.descriptor;
  const base = baseOf(image);
  const dependency = (uri: string, hex: string, more: object = {}) => ({ uri, digest: { sha256: hex }, ...more });
  const statement = {
    _type: STATEMENT,
    subject: [{ name: name === undefined ? 'unnamed' : formatReference(name), digest: { sha256: hexOf(digest) } }],
    predicateType: SLSA_PROVENANCE,
    predicate: {
      buildDefinition: {
        buildType: 'urn:sealos:build:kubefile:v1',
        externalParameters: {
          buildFile: { name: kubefile.name, digest: { sha256: hexOf(digestOf(kubefile.source)) } },
          platform: formatPlatform(platformOf(image.config)),
          ...(target === undefined ? {} : { target }),
          ...(buildArgs.length === 0 ? {} : { buildArgs: [...buildArgs].sort() }),
        },
        resolvedDependencies: [
          ...(base === undefined
            ? []
            : [dependency(referenceUrl(base.reference, base.digest), hexOf(base.digest), { name: 'base image' })]),
          ...saved.map((one) => dependency(imageUrl(one), hexOf(one.digest), { name: 'container image' })),
        ],
      },
      runDetails: { builder: { id: 'urn:sealos:builder', version: { sealos: version } } },
    },
  };
  return Buffer.from(`${JSON.stringify(statement, undefined, 1)}\n`);
}
