import { type Digest, isDigest } from '../digest.ts';
import { isRepository, isTag } from '../reference.ts';
import { Refusal } from './answer.ts';

/** What a request is about. Names and digests in it are valid: they may become paths. */
export type Route =
  | { readonly kind: 'base' | 'catalog' }
  | { readonly kind: 'tags' | 'uploads'; readonly repository: string }
  | { readonly kind: 'upload'; readonly repository: string; readonly id: string }
  | { readonly kind: 'blob' | 'referrers'; readonly repository: string; readonly digest: Digest }
  | { readonly kind: 'manifest'; readonly repository: string; readonly name: ManifestName };

export type ManifestName = { readonly tag: string } | { readonly digest: Digest };

const METHODS: Readonly<Record<Route['kind'], readonly string[]>> = {
  base: ['GET', 'HEAD'],
  catalog: ['GET', 'HEAD'],
  tags: ['GET', 'HEAD'],
  referrers: ['GET', 'HEAD'],
  uploads: ['POST'],
  upload: ['GET', 'HEAD', 'PATCH', 'PUT', 'DELETE'],
  blob: ['GET', 'HEAD', 'DELETE'],
  manifest: ['GET', 'HEAD', 'PUT', 'DELETE'],
};

const PATH = /^\/v2\/(.+)\/(tags\/list|blobs\/uploads\/?|blobs\/uploads\/([^/]+)|blobs\/([^/]+)|manifests\/([^/]+)|referrers\/([^/]+))$/;

/** Reads a request's method and path (without query). Throws a `Refusal`: 400 for what is no name, 404, 405. */
export function routeOf(method: string, rawPath: string): Route {
  const route = readPath(decoded(rawPath));
  const methods = METHODS[route.kind];
  if (!methods.includes(method)) {
    throw new Refusal(405, 'UNSUPPORTED', `${printable(method)} is not for this path`, { allow: methods.join(', ') });
  }
  return route;
}

function readPath(path: string): Route {
  if (path === '/v2' || path === '/v2/') return { kind: 'base' };
  if (path === '/v2/_catalog') return { kind: 'catalog' };
  const [, repository = '', what = '', id, blob, manifest, subject] = PATH.exec(path) ?? [];
  if (what === '') throw new Refusal(404, 'NOT_FOUND', 'there is nothing under this path');
  if (!isRepository(repository)) throw new Refusal(400, 'NAME_INVALID', `'${printable(repository)}' is not a repository's name`);
  if (what === 'tags/list') return { kind: 'tags', repository };
  if (id !== undefined) return { kind: 'upload', repository, id };
  if (blob === 'uploads' || what === 'blobs/uploads/') return { kind: 'uploads', repository };
  if (blob !== undefined) return { kind: 'blob', repository, digest: digestFrom(blob) };
  if (subject !== undefined) return { kind: 'referrers', repository, digest: digestFrom(subject) };
  const name = manifest ?? '';
  if (name.includes(':')) return { kind: 'manifest', repository, name: { digest: digestFrom(name) } };
  // distribution-spec has no code for a tag that can be none; registries say that the manifest is not there, or not valid.
  if (!isTag(name)) throw new Refusal(404, 'MANIFEST_UNKNOWN', `'${printable(name)}' is neither a tag nor a digest`);
  return { kind: 'manifest', repository, name: { tag: name } };
}

/** A digest in a path or a query. Throws `DIGEST_INVALID`. */
export function digestFrom(text: string): Digest {
  if (!isDigest(text)) throw new Refusal(400, 'DIGEST_INVALID', `'${printable(text)}' is not a sha256 digest`);
  return text;
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    throw new Refusal(400, 'NAME_INVALID', 'the path is not written as a URL');
  }
}

/** Text of a stranger, for an answer or a log. */
export function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]+/g, '?').slice(0, 100);
}
