import type { Digest } from './digest.ts';

/**
 * An image's name, whole: the registry and the repository are always filled in (`nginx` is `docker.io`, `library/nginx`).
 * A reference without digest always has a tag.
 */
export interface Reference {
  /** Host and port as in `/v2/` requests' names, e.g. `docker.io`, `localhost:5000`. */
  readonly registry: string;
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: Digest;
}
