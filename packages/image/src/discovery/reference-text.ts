import { isDigest } from '../digest.ts';
import { parseReference, type Reference } from '../reference.ts';

/** The image that a text names; undefined for a text that is no image name. */
export function readReference(text: string): Reference | undefined {
  try {
    return parseReference(text);
  } catch {
    return undefined;
  }
}

/** How much of an image name a text shows that is one. */
export type Shape =
  /** A registry's host, and a tag or digest: `quay.io/a/b:1`. */
  | 'full'
  /** A path, and a tag or digest: `team/app:v1`. */
  | 'path'
  /** A host without a tag, or a tag without a path: `quay.io/a/b`, `nginx:1`. */
  | 'part'
  /** A word, which may be anything: `nginx`. */
  | 'word';

/** The shape of an image name; undefined for a text that is none. */
export function shapeOf(text: string): Shape | undefined {
  // Most texts are no names, and errors are dear.
  if (!/^[\w[][\w.:@/[\]-]{0,511}$/.test(text) || readReference(text) === undefined) return undefined;
  const slash = text.indexOf('/');
  const first = slash < 0 ? '' : text.slice(0, slash);
  const hasHost = first === 'localhost' || /[.:]/.test(first);
  const last = text.slice(text.lastIndexOf('/') + 1);
  const hasTag = last.includes(':') || text.includes('@');
  if (hasHost) return hasTag ? 'full' : 'part';
  if (slash >= 0) return hasTag ? 'path' : 'word';
  return hasTag ? 'part' : 'word';
}

/** `service/name:8080` is an address: a tag that may be a port makes no image name of a path. */
function isPort(text: string): boolean {
  return /:\d{1,5}$/.test(text);
}

/** Whether a text is an image name beyond doubt of its form, without anything else that says so. */
export function isUnmistakable(text: string): boolean {
  const shape = shapeOf(text);
  if (shape === 'full') return !/^(?:localhost|[\d.]+|[^/]*:\d+)\//.test(text) || !isPort(text);
  return shape === 'path' && (text.includes('@') || (!isPort(text) && /:v?\d[\w.-]*$/.test(text)));
}

// What may stand behind `image` in a name that still means the image itself: IMAGE_URL, imageName, image-ref.
const MEANS_IMAGE = new Set(['url', 'uri', 'ref', 'reference', 'name', 'fullname', 'pullspec', 'default', 'override']);

/**
 * Whether the name of a setting, variable or flag says that its value is an image: `sidecarImage`, `--proxy-image`, `IMAGE_URL`,
 * `RELATED_IMAGE_X`; `imagePullPolicy`, `image-tag` and `IMAGE_REGISTRY` say something else. `must` is for names that end with `image`.
 */
export function saysImage(name: string): 'must' | 'may' | undefined {
  if (!/image/i.test(name) || name.length > 200) return undefined;
  if (/^RELATED_IMAGE_/.test(name)) return 'must';
  const words = name
    .replace(/([a-z\d])([A-Z])/g, '$1 $2')
    .replace(/([A-Z])([A-Z][a-z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z\d]+/)
    .filter((word) => word !== '');
  const at = words.findLastIndex((word) => word === 'image' || word === 'images');
  if (at < 0) return /image$/i.test(name) ? 'must' : undefined;
  const behind = words.slice(at + 1).filter((word) => !/^v?\d+$/.test(word));
  if (behind.length === 0) return 'must';
  return behind.every((word) => MEANS_IMAGE.has(word)) ? 'may' : undefined;
}

/** Puts the parts together that charts keep an image's name in; undefined where they make none. */
export function joinedReference(parts: {
  readonly registry?: string | undefined;
  readonly repository: string;
  readonly tag?: string | undefined;
  readonly digest?: string | undefined;
}): string | undefined {
  if (parts.repository.length > 512 || (parts.registry?.length ?? 0) > 512) return undefined;
  const repository = parts.repository.replace(/^\/+|\/+$/g, '');
  const registry = (parts.registry ?? '').replace(/^(?:https?|docker|oci):\/\//, '').replace(/\/+$/, '');
  const digest = parts.digest !== undefined && isDigest(parts.digest) ? parts.digest : undefined;
  const written = parts.tag ?? '';
  // `tag: 1.2@sha256:…` and `tag: sha256:…` are seen as well.
  const suffix = written.startsWith('sha256:') ? `@${written}` : written === '' ? '' : `:${written}`;
  const first = repository.split('/', 1)[0] ?? '';
  const hasHost = repository.includes('/') && (first === 'localhost' || /[.:]/.test(first));
  const name = registry === '' || hasHost ? repository : `${registry}/${repository}`;
  const hasTag = name.lastIndexOf(':') > name.lastIndexOf('/') || name.includes('@');
  const text = `${name}${hasTag ? '' : suffix}${digest === undefined || (hasTag && name.includes('@')) || suffix.includes('@') ? '' : `@${digest}`}`;
  return readReference(text) === undefined ? undefined : text;
}
