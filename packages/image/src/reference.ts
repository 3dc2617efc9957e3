import { type Digest, isDigest } from './digest.ts';
import { badInput } from './error.ts';
import { shownName } from './shown-name.ts';

/**
 * An image's name, whole: the registry and the repository are always filled in (`nginx` is `docker.io`, `library/nginx`).
 * A reference without digest always has a tag; with both, the digest decides what is meant.
 */
export interface Reference {
  /** Host and port as in `/v2/` requests' names, e.g. `docker.io`, `localhost:5000`. */
  readonly registry: string;
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: Digest;
}

export const DEFAULT_REGISTRY = 'docker.io';
const NAME_LENGTH = 255;

// The grammar of distribution/reference (regexp.go).
const HOST_PART = '[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?';
const REGISTRY = new RegExp(`^(?:${HOST_PART}(?:\\.${HOST_PART})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?$`);
const REPOSITORY = /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*$/;
const TAG = /^\w[\w.-]{0,127}$/;

/**
 * Reads a name as Docker and containers do: `nginx`, `example.org:5000/team/app:1.2`, `app@sha256:…`. The default registry is
 * `docker.io`, its one-part names are in `library/`, the default tag is `latest`. Throws `bad-reference` (exit 2).
 */
export function parseReference(text: string): Reference {
  const refuse = (why: string, hint?: string) => badInput('bad-reference', `'${shownName(text)}' is not an image name: ${why}`, hint);
  if (text === '') throw refuse('it is empty');
  if (/^[0-9a-f]{64}$/.test(text)) throw refuse('64 hex digits alone are an image id');

  const { name: path, tag, digest } = split(text);
  if (digest !== undefined && !isDigest(digest)) throw refuse(`'${shownName(digest)}' is not a sha256 digest`);
  if (tag !== undefined && !TAG.test(tag)) throw refuse(`'${shownName(tag)}' is not a tag`);

  const { registry, repository } = splitRegistry(path);
  if (!REGISTRY.test(registry)) throw refuse(`'${shownName(registry)}' is not a registry's host`);
  if (!REPOSITORY.test(repository)) {
    if (REPOSITORY.test(repository.toLowerCase())) {
      throw refuse('it has upper case', `try '${shownName(text.replace(path, path.toLowerCase()))}'`);
    }
    throw refuse(`'${shownName(repository)}' is not a repository`);
  }
  if (registry.length + 1 + repository.length > NAME_LENGTH) throw refuse(`it is longer than ${NAME_LENGTH} characters`);
  if (digest === undefined) return { registry, repository, tag: tag ?? 'latest' };
  return tag === undefined ? { registry, repository, digest } : { registry, repository, tag, digest };
}

/** The full canonical name: `docker.io/library/nginx:latest`. It reads back as the same reference. */
export function formatReference(reference: Reference): string {
  return `${reference.registry}/${reference.repository}${suffix(reference)}`;
}

/** The name as people write it: without `docker.io/` and `library/`, e.g. `nginx:latest`, `labring/calico:v3.22.1`. */
export function familiarName(reference: Reference): string {
  if (reference.registry !== DEFAULT_REGISTRY) return formatReference(reference);
  const [first, second, ...more] = reference.repository.split('/');
  const path = first === 'library' && second !== undefined && more.length === 0 ? second : reference.repository;
  return `${path}${suffix(reference)}`;
}

/** Whether a text is a repository's name, registry left out: what may become a path. */
export function isRepository(text: string): boolean {
  return text.length <= NAME_LENGTH && REPOSITORY.test(text);
}

/** Whether a text can be a tag. */
export function isTag(text: string): boolean {
  return TAG.test(text);
}

/** The same repository, whatever the tag or digest. */
export function isSameRepository(a: Reference, b: Reference): boolean {
  return a.registry === b.registry && a.repository === b.repository;
}

function suffix(reference: Reference): string {
  const tag = reference.tag === undefined ? '' : `:${reference.tag}`;
  return reference.digest === undefined ? tag : `${tag}@${reference.digest}`;
}

function split(text: string): { readonly name: string; readonly tag?: string; readonly digest?: string } {
  const at = text.indexOf('@');
  const digest = at < 0 ? {} : { digest: text.slice(at + 1) };
  const rest = at < 0 ? text : text.slice(0, at);
  const colon = rest.indexOf(':', rest.lastIndexOf('/') + 1);
  if (colon < 0) return { name: rest, ...digest };
  return { name: rest.slice(0, colon), tag: rest.slice(colon + 1), ...digest };
}

// What stands before the first slash is a registry only when it looks like a host: `localhost`, or with a dot or a colon.
function splitRegistry(path: string): { readonly registry: string; readonly repository: string } {
  const slash = path.indexOf('/');
  const first = slash < 0 ? '' : path.slice(0, slash);
  const isHost = first === 'localhost' || /[.:]/.test(first);
  const written = isHost ? first : DEFAULT_REGISTRY;
  const registry = written === 'index.docker.io' ? DEFAULT_REGISTRY : written;
  const rest = isHost ? path.slice(slash + 1) : path;
  return { registry, repository: registry === DEFAULT_REGISTRY && !rest.includes('/') ? `library/${rest}` : rest };
}
