import * as v from 'valibot';
import { type Digest, isDigest } from './digest.ts';
import { SealosError } from './error.ts';
import { parseJson } from './json.ts';
import type { ImageConfig, Index, Manifest } from './manifest.ts';
import { isIndex, isManifest } from './media-types.ts';
import { shownName } from './shown-name.ts';

// Docker and containerd can have 127 or so.
const LAYER_LIMIT = 4096;

const text = v.string();
const digest = v.custom<Digest>((value) => typeof value === 'string' && isDigest(value), 'it is not a sha256 digest');
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const strings = v.record(text, text);

const platform = v.object({
  os: text,
  architecture: text,
  variant: v.exactOptional(text),
  'os.version': v.exactOptional(text),
  'os.features': v.exactOptional(v.array(text)),
  features: v.exactOptional(v.array(text)),
});

const descriptor = v.object({
  mediaType: text,
  digest,
  size: count,
  platform: v.exactOptional(platform),
  annotations: v.exactOptional(strings),
  artifactType: v.exactOptional(text),
});

const manifest = v.object({
  schemaVersion: v.literal(2),
  mediaType: text,
  artifactType: v.exactOptional(text),
  config: descriptor,
  layers: v.optional(v.pipe(v.array(descriptor), v.maxLength(LAYER_LIMIT, `it has more than ${LAYER_LIMIT} layers`)), []),
  subject: v.exactOptional(descriptor),
  annotations: v.exactOptional(strings),
});

const index = v.object({
  schemaVersion: v.literal(2),
  mediaType: text,
  manifests: v.optional(v.array(descriptor), []),
  annotations: v.exactOptional(strings),
});

const objects = v.record(text, v.looseObject({}));

// Loose: an image built from another keeps what this project does not know (Healthcheck, Shell, OnBuild, os.features).
const imageConfig = v.looseObject({
  created: v.exactOptional(text),
  author: v.exactOptional(text),
  architecture: text,
  os: text,
  variant: v.exactOptional(text),
  config: v.exactOptional(
    v.looseObject({
      User: v.exactOptional(text),
      ExposedPorts: v.exactOptional(objects),
      Env: v.exactOptional(v.array(text)),
      Entrypoint: v.exactOptional(v.array(text)),
      Cmd: v.exactOptional(v.array(text)),
      Volumes: v.exactOptional(objects),
      WorkingDir: v.exactOptional(text),
      Labels: v.exactOptional(strings),
      StopSignal: v.exactOptional(text),
    }),
  ),
  rootfs: v.object({ type: v.literal('layers'), diff_ids: v.optional(v.array(digest), []) }),
  history: v.exactOptional(
    v.array(
      v.looseObject({
        created: v.exactOptional(text),
        created_by: v.exactOptional(text),
        author: v.exactOptional(text),
        comment: v.exactOptional(text),
        empty_layer: v.exactOptional(v.boolean()),
      }),
    ),
  ),
});

/** An image manifest, OCI or Docker schema 2, of the media type its descriptor names. Throws `bad-content`. */
export function parseManifest(bytes: Uint8Array, mediaType: string): Manifest {
  if (!isManifest(mediaType))
    throw new SealosError('bad-content', `'${shownName(mediaType)}' is not an image manifest`, { hint: hintFor(mediaType) });
  const value = withMediaType(withoutNulls(parseJson(bytes, 'the manifest')), mediaType, 'the manifest');
  // CVE-2021-41190: a document that is both would mean different images to different readers.
  if ('manifests' in value) throw new SealosError('bad-content', 'the manifest claims to be an index too');
  return checked(manifest, value, 'the manifest');
}

/** An image index or Docker manifest list. Throws `bad-content`. */
export function parseIndex(bytes: Uint8Array, mediaType: string): Index {
  if (!isIndex(mediaType))
    throw new SealosError('bad-content', `'${shownName(mediaType)}' is not an image index`, { hint: hintFor(mediaType) });
  const value = withMediaType(withoutNulls(parseJson(bytes, 'the index')), mediaType, 'the index');
  if ('layers' in value || 'config' in value) throw new SealosError('bad-content', 'the index claims to be a manifest too');
  return checked(index, value, 'the index');
}

/** An image's config. Members unknown to this project stay in the result. Throws `bad-content`. */
export function parseImageConfig(bytes: Uint8Array): ImageConfig {
  return checked(imageConfig, withoutNulls(parseJson(bytes, "the image's config")), "the image's config");
}

/** `parseImageConfig` of a manifest's config, which has to have as many layers. Throws `bad-content`. */
export function requireConfig(manifest: Manifest, bytes: Uint8Array): ImageConfig {
  const config = parseImageConfig(bytes);
  const count = config.rootfs.diff_ids.length;
  if (count === manifest.layers.length) return config;
  throw new SealosError('bad-content', `the image is not valid: its manifest has ${manifest.layers.length} layers, its config ${count}`);
}

// Go programs write `null` for an empty list or map, on every level.
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value).filter(([, member]) => member !== null);
  return Object.fromEntries(entries.map(([key, member]) => [key, withoutNulls(member)]));
}

function withMediaType(value: unknown, mediaType: string, what: string): object {
  if (value === null || typeof value !== 'object') throw new SealosError('bad-content', `${what} is not an object`);
  if ('mediaType' in value && value.mediaType !== mediaType) {
    throw new SealosError('bad-content', `${what} says it is '${shownName(String(value.mediaType))}', but was announced as '${mediaType}'`);
  }
  return { ...value, mediaType };
}

function checked<T>(schema: v.GenericSchema<unknown, T>, value: unknown, what: string): T {
  const result = v.safeParse(schema, value, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  const path = v.getDotPath(issue);
  throw new SealosError('bad-content', `${what} is not valid${path === null ? '' : ` at ${shownName(path)}`}: ${shownName(issue.message)}`);
}

function hintFor(mediaType: string): string | undefined {
  if (!mediaType.startsWith('application/vnd.docker.distribution.manifest.v1')) return undefined;
  return 'images of Docker before 1.10 (schema 1) have to be pushed again by a newer Docker';
}
