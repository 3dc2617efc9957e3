import * as v from 'valibot';
import { SealosError } from '../error.ts';
import { JSON_LIMIT, parseJson } from '../json.ts';
import { isRepository, isTag } from '../reference.ts';
import type { Client, Endpoint } from './client.ts';
import type { Subject } from './failure.ts';

export interface WantedList {
  /** Of the first page; the answers say where the next is. */
  readonly path: string;
  readonly member: 'tags' | 'repositories';
  readonly scopes: readonly string[];
}

const document = v.looseObject({ tags: v.nullish(v.array(v.string())), repositories: v.nullish(v.array(v.string())) });
const PAGES = 1000;

/**
 * All pages of a list of names (distribution-spec, "Listing Tags"; docker's catalog), in the registry's order, each name once. Throws
 * `bad-content` for a list that never ends, and for names that cannot be any: they become parts of addresses and paths.
 */
export async function readList(
  client: Client,
  endpoint: Endpoint,
  subject: Subject,
  { path: first, member, scopes }: WantedList,
  signal: AbortSignal | undefined,
): Promise<readonly string[]> {
  const found = new Set<string>();
  const isName = member === 'tags' ? isTag : isRepository;
  const asked = new Set<string>();
  for (let path: string | URL | undefined = first; path !== undefined; ) {
    asked.add(new URL(path, endpoint.origin).href);
    const answer = await client.ask(endpoint, { method: 'GET', path, scopes, subject, signal }, JSON_LIMIT);
    const { response, bytes } = answer;
    if (bytes === undefined) throw await client.refuse(endpoint, response, subject);
    const refuse = (why: string) =>
      new SealosError('bad-content', `cannot ${subject.action} ${subject.what}: ${response.url.host} ${why}`, { exitCode: 2 });
    const page = v.safeParse(document, parseJson(bytes, 'the list'));
    if (!page.success) throw refuse(`answers with something else than a list of ${member}`);
    for (const name of page.output[member] ?? []) {
      if (!isName(name)) throw refuse(`lists ${member} whose names cannot be any`);
      found.add(name);
    }
    path = nextPage(response.header('link'), response.url);
    if (path !== undefined && (asked.has(path.href) || asked.size >= PAGES)) throw refuse('never ends its list');
  }
  return [...found];
}

// RFC 8288.
function nextPage(link: string | undefined, base: URL): URL | undefined {
  const next = /<([^>]+)>\s*;\s*rel="?next"?/.exec(link ?? '')?.[1];
  return next !== undefined && URL.canParse(next, base) ? new URL(next, base) : undefined;
}
