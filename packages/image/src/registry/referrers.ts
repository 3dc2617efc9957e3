import type { Digest } from '../digest.ts';
import { JSON_LIMIT } from '../json.ts';
import type { Descriptor } from '../manifest.ts';
import { parseIndex } from '../manifest-parse.ts';
import { OCI_INDEX } from '../media-types.ts';
import type { Client, Endpoint } from './client.ts';
import type { Subject } from './failure.ts';
import { discard, type HttpResponse, readBody } from './transport.ts';

export interface ReferrersRequest {
  readonly client: Client;
  readonly endpoint: Endpoint;
  readonly repository: string;
  /** The content that others refer to. */
  readonly digest: Digest;
  /** For messages. */
  readonly subject: Subject;
  readonly signal: AbortSignal | undefined;
}

const PAGES = 50;
// What registries that do not know the API say to its path.
const UNKNOWN = new Set([400, 404, 405, 501]);

/** Asks the referrers API (distribution-spec 1.1, listing referrers), all of its pages; undefined where the registry has none. */
export async function requestReferrers(request: ReferrersRequest): Promise<readonly Descriptor[] | undefined> {
  const { client, endpoint, repository, digest, subject, signal } = request;
  const scopes = [`repository:${repository}:pull`];
  const found: Descriptor[] = [];
  let path: string | URL | undefined = `/v2/${repository}/referrers/${digest}`;
  for (let page = 0; path !== undefined && page < PAGES; page++) {
    const headers = { accept: OCI_INDEX };
    const response: HttpResponse = await client.send(endpoint, { method: 'GET', path, headers, scopes, subject, signal });
    const type = response.header('content-type')?.split(';')[0]?.trim();
    if (UNKNOWN.has(response.status) || (response.status === 200 && type !== OCI_INDEX)) {
      await discard(response);
      return undefined;
    }
    if (response.status !== 200) throw await client.refuse(endpoint, response, subject);
    found.push(...parseIndex(await readBody(response, JSON_LIMIT), OCI_INDEX).manifests);
    const next = /<([^>]+)>\s*;\s*rel="?next"?/.exec(response.header('link') ?? '')?.[1];
    path = next === undefined ? undefined : new URL(next, response.url);
  }
  return found;
}
