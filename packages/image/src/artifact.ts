import type { Manifest } from './manifest.ts';
import { DOCKER_CONFIG, OCI_CONFIG } from './media-types.ts';

// The last is what Docker's very first images of this format have.
const IMAGE_CONFIGS = new Set([OCI_CONFIG, DOCKER_CONFIG, 'application/octet-stream']);

/**
 * What a manifest is when it is not an image but some other artifact (a chart, a signature, a document): its type by image-spec
 * manifest.md, "Guidelines for Artifact Usage". Undefined for an image.
 */
export function artifactTypeOf(manifest: Manifest): string | undefined {
  const { config, artifactType } = manifest;
  if (IMAGE_CONFIGS.has(config.mediaType)) return undefined;
  // A stranger's text, which is shown.
  return (artifactType ?? config.mediaType).replace(/[^\x20-\x7e]/g, '?').slice(0, 100);
}
