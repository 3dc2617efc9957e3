import { type Answer, Refusal } from './answer.ts';
import type { RegistryContent } from './registry-content.ts';

const MOST = 1000;

/** The catalog: all repositories, in pages of `n` (at most and by default 1000) after `last`. */
export async function listRepositories(content: RegistryContent, query: URLSearchParams): Promise<Answer> {
  const { items, next } = pageOf(await content.repositories(), query, '/v2/_catalog', MOST);
  return { status: 200, headers: next, body: { repositories: items } };
}

/** distribution-spec, "Listing Tags": all of them unless `n` says how many. */
export async function listTags(content: RegistryContent, repository: string, query: URLSearchParams): Promise<Answer> {
  const tags = await content.tags(repository);
  if (tags === undefined) throw new Refusal(404, 'NAME_UNKNOWN', `there is no repository ${repository}`);
  const { items, next } = pageOf(tags, query, `/v2/${repository}/tags/list`, Number.POSITIVE_INFINITY);
  return { status: 200, headers: next, body: { name: repository, tags: items } };
}

function pageOf(
  all: readonly string[],
  query: URLSearchParams,
  path: string,
  most: number,
): { readonly items: readonly string[]; readonly next: Readonly<Record<string, string>> } {
  const asked = query.get('n');
  if (asked !== null && !/^\d{1,9}$/.test(asked)) throw new Refusal(400, 'PAGINATION_NUMBER_INVALID', 'n is not a number');
  const count = Math.min(asked === null ? most : Number(asked), most);
  const last = query.get('last') ?? '';
  const rest = last === '' ? all : all.filter((item) => item > last);
  const items = rest.slice(0, count);
  const end = items.at(-1);
  if (end === undefined || items.length === rest.length) return { items, next: {} };
  return { items, next: { link: `<${path}?${new URLSearchParams({ last: end, n: String(count) })}>; rel="next"` } };
}
