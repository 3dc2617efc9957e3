import type { IncomingMessage } from 'node:http';
import { type Answer, Refusal } from './answer.ts';
import type { Authorize } from './basic-auth.ts';
import { beginBlob, continueBlob, readBlob, removeBlob } from './blobs.ts';
import { listRepositories, listTags } from './lists.ts';
import { readManifest, removeManifest, writeManifest } from './manifests.ts';
import type { Referrers } from './referrers.ts';
import type { RegistryContent } from './registry-content.ts';
import { routeOf } from './route.ts';
import type { Uploads } from './uploads.ts';

export interface Registry {
  readonly content: RegistryContent;
  readonly uploads: Uploads;
  readonly referrers: Referrers;
  readonly readOnly: boolean;
  readonly authorize: Authorize | undefined;
}

/** Does what a request asks for: OCI distribution-spec 1.1, and docker's catalog. Throws a `Refusal`. */
export async function handle(registry: Registry, request: IncomingMessage): Promise<Answer> {
  const { content, uploads, referrers } = registry;
  const [path = '', ...rest] = (request.url ?? '').split('?');
  if (path.startsWith('/v2')) await registry.authorize?.(request.headers.authorization);
  const method = request.method ?? '';
  const route = routeOf(method, path);
  const query = new URLSearchParams(rest.join('?'));
  const isRead = method === 'GET' || method === 'HEAD';
  if (registry.readOnly && !isRead) throw new Refusal(405, 'UNSUPPORTED', 'this registry is read-only', { allow: 'GET, HEAD' });
  switch (route.kind) {
    case 'base':
      return { status: 200, body: {} };
    case 'catalog':
      return listRepositories(content, query);
    case 'tags':
      return listTags(content, route.repository, query);
    case 'referrers':
      return referrers.list(route.repository, route.digest, query);
    case 'uploads':
      return beginBlob(content, uploads, request, route.repository, query);
    case 'upload':
      return continueBlob(uploads, request, route, query);
    case 'blob':
      return isRead ? readBlob(content, request, route) : removeBlob(content, route);
    case 'manifest':
      if (isRead) return readManifest(content, request, route);
      return method === 'PUT' ? writeManifest(content, request, route) : removeManifest(content, route);
  }
}
