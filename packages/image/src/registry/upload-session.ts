import { SealosError } from '../error.ts';
import type { Client, Endpoint, RegistryRequest } from './client.ts';
import type { Subject } from './failure.ts';
import { discard, type HttpResponse } from './transport.ts';

export interface UploadTarget {
  readonly client: Client;
  readonly endpoint: Endpoint;
  readonly repository: string;
  readonly scopes: readonly string[];
  readonly subject: Subject;
  readonly signal?: AbortSignal | undefined;
}

/** An upload that the registry has begun (distribution-spec, "Pushing blobs"). */
export interface UploadSession {
  readonly location: URL;
  /** The smallest piece that the registry takes, in bytes. */
  readonly leastChunk: number;
}

/** Begins an upload. */
export async function beginUpload(target: UploadTarget): Promise<UploadSession> {
  const response = await send(target, { method: 'POST', path: uploadsOf(target), headers: { 'content-length': '0' } });
  if (response.status !== 202) throw await target.client.refuse(target.endpoint, response, target.subject);
  return sessionAfter(target, response);
}

/**
 * Asks for a blob of another repository of the registry (distribution-spec, "Mounting a blob from another repository"): undefined
 * when it is there then, else the upload that the registry has begun instead.
 */
export async function mountBlob(
  target: UploadTarget,
  mount: { readonly digest: string; readonly from: string },
): Promise<UploadSession | undefined> {
  const path = `${uploadsOf(target)}?${new URLSearchParams({ mount: mount.digest, from: mount.from })}`;
  const scopes = [...target.scopes, `repository:${mount.from}:pull`];
  const response = await send(target, { method: 'POST', path, headers: { 'content-length': '0' }, scopes });
  if (response.status === 202) return sessionAfter(target, response);
  if (response.status !== 201) throw await target.client.refuse(target.endpoint, response, target.subject);
  await discard(response);
  return undefined;
}

/** Gives up an upload, as far as the registry knows how to. */
export async function cancelUpload(target: UploadTarget, session: UploadSession): Promise<void> {
  const response = await send(target, { method: 'DELETE', path: session.location }).catch(() => undefined);
  if (response !== undefined) await discard(response);
}

/** Whether the registry has a blob: where an answer was lost, the upload may have come to its end all the same. */
export async function hasBlob(target: UploadTarget, digest: string): Promise<boolean> {
  const response = await send(target, { method: 'HEAD', path: `/v2/${target.repository}/blobs/${digest}` });
  await discard(response);
  return response.status === 200;
}

/** How far an upload got, by the registry's word (GET on its location). Undefined when it is lost. */
export async function reachedBy(
  target: UploadTarget,
  session: UploadSession,
): Promise<{ readonly session: UploadSession; readonly offset: number } | undefined> {
  const response = await send(target, { method: 'GET', path: session.location });
  const reached = reachedIn(response);
  if (response.status < 200 || response.status > 299 || reached === undefined) {
    await discard(response);
    return undefined;
  }
  return { session: await sessionAfter(target, response, session), offset: reached };
}

/** The bytes that a `Range` header says have arrived: `0-N`, the last one included. `0-0` is what registries say of an empty upload, too. */
export function reachedIn(response: HttpResponse): number | undefined {
  const last = /^(?:bytes=)?0-(\d+)$/.exec(response.header('range') ?? '')?.[1];
  if (last === undefined) return undefined;
  return last === '0' ? 0 : Number(last) + 1;
}

/** Where an upload goes on after an answer. Without a `Location`, which the specification asks for, it is where it was `before`. */
export async function sessionAfter(target: UploadTarget, response: HttpResponse, before?: UploadSession): Promise<UploadSession> {
  await discard(response);
  const id = response.header('docker-upload-uuid');
  const begun = id === undefined || !/^[\w.=-]+$/.test(id) ? undefined : `${uploadsOf(target)}${id}`;
  const text = response.header('location') ?? (before === undefined ? begun : undefined);
  if (text === undefined || !URL.canParse(text, response.url)) {
    if (before !== undefined) return before;
    throw new SealosError('registry-failed', `${response.url.host} began an upload but did not say where`);
  }
  const location = new URL(text, response.url);
  // Behind a proxy that ends TLS, registries name themselves with http.
  if (location.host === response.url.host) location.protocol = response.url.protocol;
  const least = Number(response.header('oci-chunk-min-length') ?? before?.leastChunk ?? 0);
  return { location, leastChunk: Number.isSafeInteger(least) && least > 0 ? least : 0 };
}

/** Sends a request of an upload, with the rights that the upload needs. */
export function send(
  target: UploadTarget,
  request: Omit<RegistryRequest, 'scopes' | 'subject' | 'signal'> & { readonly scopes?: readonly string[] },
): Promise<HttpResponse> {
  const { client, endpoint, scopes, subject, signal } = target;
  return client.send(endpoint, { scopes, subject, signal, ...request });
}

function uploadsOf(target: UploadTarget): string {
  return `/v2/${target.repository}/blobs/uploads/`;
}
