import * as v from 'valibot';
import { type Digest, isDigest } from '../digest.ts';
import { SealosError } from '../error.ts';
import { parseJson } from '../json.ts';
import { isIndex, isManifest, OCI_INDEX, OCI_MANIFEST } from '../media-types.ts';

/** What a registry wants to know of a manifest or index. */
export interface ManifestDocument {
  readonly mediaType: string;
  /** Config and layers; not those that are to be fetched from elsewhere. */
  readonly blobs: readonly Digest[];
  /** Manifests that an index lists. */
  readonly manifests: readonly Digest[];
  /** The manifest that this one says something about (image-spec 1.1). */
  readonly subject: Digest | undefined;
  readonly artifactType: string | undefined;
  readonly annotations: Readonly<Record<string, string>> | undefined;
}

const digest = v.custom<Digest>((value) => typeof value === 'string' && isDigest(value), 'it is not a sha256 digest');
const part = v.object({
  mediaType: v.optional(v.string(), ''),
  digest,
  size: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  urls: v.nullish(v.array(v.string())),
});
const common = {
  schemaVersion: v.literal(2),
  mediaType: v.optional(v.string()),
  subject: v.nullish(part),
  artifactType: v.nullish(v.string()),
  annotations: v.nullish(v.record(v.string(), v.string())),
};
const manifestShape = v.object({ ...common, config: part, layers: v.nullish(v.array(part), []), manifests: v.optional(v.never()) });
const indexShape = v.object({
  ...common,
  manifests: v.nullish(v.array(part), []),
  config: v.optional(v.never()),
  layers: v.optional(v.never()),
});

/**
 * Reads a manifest or index of the kinds that images have; the artifacts of image-spec 1.1 are among them. `announced` is what it came
 * as. Throws `bad-content` for anything else, and for a document that is of two kinds (CVE-2021-41190).
 */
export function readManifestDocument(bytes: Buffer, announced: string | undefined): ManifestDocument {
  const value = parseJson(bytes, 'the manifest');
  const refuse = (why: string) => new SealosError('bad-content', `the manifest ${why}`);
  if (typeof value !== 'object' || value === null) throw refuse('is not an object');
  const own = 'mediaType' in value && typeof value.mediaType === 'string' ? value.mediaType : undefined;
  const mediaType = own ?? announced ?? ('manifests' in value ? OCI_INDEX : OCI_MANIFEST);
  if (announced !== undefined && announced !== mediaType) throw refuse(`says it is '${own}', but was announced as '${announced}'`);
  const isList = isIndex(mediaType);
  if (!isList && !isManifest(mediaType)) throw refuse(`is of a kind that images do not have: '${mediaType}'`);
  const result = isList ? v.safeParse(indexShape, value) : v.safeParse(manifestShape, value);
  if (!result.success) {
    const [issue] = result.issues;
    throw refuse(`is not valid at ${v.getDotPath(issue) ?? 'its top'}: ${issue.message}`);
  }
  const { subject, artifactType, annotations } = result.output;
  const { config, layers } = isList ? { config: undefined, layers: [] } : v.parse(manifestShape, value);
  const blobs = [...(config ? [config] : []), ...(layers ?? [])].filter(({ urls }) => urls == null || urls.length === 0);
  return {
    mediaType,
    blobs: [...new Set(blobs.map((blob) => blob.digest))],
    manifests: (result.output.manifests ?? []).map((manifest) => manifest.digest),
    subject: subject?.digest,
    // image-spec, "artifactType": a manifest without one is of its config's type.
    artifactType: artifactType ?? config?.mediaType,
    annotations: annotations ?? undefined,
  };
}
