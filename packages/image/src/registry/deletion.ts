import { SealosError } from '../error.ts';
import { familiarName, type Reference } from '../reference.ts';
import type { Client, Endpoint } from './client.ts';
import type { Subject } from './failure.ts';
import { discard } from './transport.ts';

/**
 * Takes a tag out of a registry, or by a digest the manifest with every tag that means it (distribution-spec, "Content Management").
 * Throws `image-not-found`, `registry-denied` where deletion is switched off (exit 2).
 */
export async function deleteManifest(
  client: Client,
  endpoint: Endpoint,
  repository: string,
  reference: Reference,
  subject: Subject,
  signal: AbortSignal | undefined,
): Promise<void> {
  const path = `/v2/${repository}/manifests/${reference.digest ?? reference.tag}`;
  const scopes = [`repository:${repository}:pull,push,delete`];
  const response = await client.send(endpoint, { method: 'DELETE', path, scopes, subject, signal });
  if (response.status === 202 || response.status === 200 || response.status === 204) return discard(response);
  const isRefused = response.status === 405 || response.status === 501;
  // Registries before distribution 3 take digests alone, and answer a tag with a complaint about it.
  const isTagRefused = reference.digest === undefined && (response.status === 400 || isRefused);
  if (!isRefused && !isTagRefused) throw await client.refuse(endpoint, response, subject);
  await discard(response);
  const what = familiarName(reference);
  const hint = isTagRefused
    ? `remove it by its digest, which takes away every tag of it there: ${what.replace(/:[^:/]*$/, '')}@sha256:…`
    : 'whoever runs it has to allow that (docker-registry: REGISTRY_STORAGE_DELETE_ENABLED=true)';
  const why = isTagRefused ? 'does not remove by a tag' : 'does not allow to remove images';
  throw new SealosError('registry-denied', `cannot remove ${what}: ${response.url.host} ${why}`, { hint, exitCode: 2 });
}
