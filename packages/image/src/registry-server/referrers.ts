import type { Digest } from '../digest.ts';
import { SealosError } from '../error.ts';
import { OCI_INDEX } from '../media-types.ts';
import type { Answer } from './answer.ts';
import { type ManifestDocument, readManifestDocument } from './manifest-document.ts';
import type { RegistryContent } from './registry-content.ts';

/** Documents are remembered by digest, which says all about them; this many. */
const REMEMBERED = 20_000;
/** Clients read no more than 4 MiB of a list: a page ends before. */
const PAGE_BYTES = 3 * 1024 * 1024;

interface Known extends Pick<ManifestDocument, 'mediaType' | 'subject' | 'artifactType' | 'annotations'> {
  readonly size: number;
}

/**
 * The referrers API (distribution-spec 1.1): the manifests of a repository whose `subject` is another one. They are found by looking, not
 * in an index of their own: docker-distribution's layout has none, and another registry may write into the same directory.
 */
export class Referrers {
  readonly #content: RegistryContent;
  readonly #known = new Map<Digest, Known | undefined>();

  constructor(content: RegistryContent) {
    this.#content = content;
  }

  async list(repository: string, subject: Digest, query: URLSearchParams): Promise<Answer> {
    const wanted = query.get('artifactType');
    const last = query.get('last') ?? '';
    const manifests: object[] = [];
    let bytes = 0;
    let next: string | undefined;
    for (const digest of (await this.#content.revisions(repository)).toSorted()) {
      if (digest <= last) continue;
      const document = await this.#read(repository, digest);
      if (document?.subject !== subject || (wanted !== null && wanted !== document.artifactType)) continue;
      const { mediaType, size, artifactType, annotations } = document;
      const descriptor = {
        mediaType,
        digest,
        size,
        ...(artifactType === undefined ? {} : { artifactType }),
        ...(annotations ? { annotations } : {}),
      };
      bytes += JSON.stringify(descriptor).length;
      if (bytes > PAGE_BYTES && manifests.length > 0) break;
      manifests.push(descriptor);
      next = digest;
    }
    const more = bytes > PAGE_BYTES && next !== undefined;
    const rest = new URLSearchParams({ last: next ?? '', ...(wanted === null ? {} : { artifactType: wanted }) });
    return {
      status: 200,
      headers: {
        'content-type': OCI_INDEX,
        ...(wanted === null ? {} : { 'oci-filters-applied': 'artifactType' }),
        ...(more ? { link: `</v2/${repository}/referrers/${subject}?${rest}>; rel="next"` } : {}),
      },
      body: { schemaVersion: 2, mediaType: OCI_INDEX, manifests },
    };
  }

  async #read(repository: string, digest: Digest): Promise<Known | undefined> {
    if (this.#known.has(digest)) return this.#known.get(digest);
    const found = await this.#content.manifest(repository, { digest });
    if (found === undefined) return undefined;
    if (this.#known.size >= REMEMBERED) this.#known.clear();
    const known = describe(found.bytes);
    this.#known.set(digest, known);
    return known;
  }
}

function describe(bytes: Buffer): Known | undefined {
  try {
    const { mediaType, subject, artifactType, annotations } = readManifestDocument(bytes, undefined);
    // Most have no subject: nothing else of them has to be remembered.
    return subject === undefined ? undefined : { mediaType, subject, artifactType, annotations, size: bytes.length };
  } catch (error) {
    if (error instanceof SealosError) return undefined;
    throw error;
  }
}
