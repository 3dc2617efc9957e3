import * as v from 'valibot';
import { SealosError } from '../error.ts';
import { JSON_LIMIT, parseJson } from '../json.ts';
import type { Client, Endpoint } from './client.ts';
import type { Subject } from './failure.ts';
import { type HttpResponse, readBody } from './transport.ts';

export interface WantedList {
  /** Of the first page; the answers say where the next is. */
  readonly path: string;
  readonly member: 'tags' | 'repositories';
  readonly scopes: readonly string[];
}

const document = v.looseObject({ tags: v.nullish(v.array(v.string())), repositories: v.nullish(v.array(v.string())) });

/** All pages of a list of names (distribution-spec, "Listing Tags"; docker's catalog). */
export async function readList(
  client: Client,
  endpoint: Endpoint,
  subject: Subject,
  { path: first, member, scopes }: WantedList,
  signal: AbortSignal | undefined,
): Promise<readonly string[]> {
  const found: string[] = [];
  const seen = new Set<string>();
  for (let path: string | URL | undefined = first; path !== undefined && !seen.has(String(path)); ) {
    seen.add(String(path));
    const response: HttpResponse = await client.send(endpoint, { method: 'GET', path, scopes, subject, signal });
    if (response.status !== 200) throw await client.refuse(endpoint, response, subject);
    const read = v.safeParse(document, parseJson(await readBody(response, JSON_LIMIT), 'the list'));
    if (!read.success) throw new SealosError('bad-content', `${response.url.host} answers with something else than a list of ${member}`);
    found.push(...(read.output[member] ?? []));
    const next = /<([^>]+)>\s*;\s*rel="?next"?/.exec(response.header('link') ?? '')?.[1];
    path = next === undefined ? undefined : new URL(next, response.url);
  }
  return found;
}
