import { Readable } from 'node:stream';
import type { ContentOptions, ContentSink, ContentSource, WriteOptions } from '../content.ts';
import { type Digest, digestOf } from '../digest.ts';
import { SealosError } from '../error.ts';
import { JSON_LIMIT } from '../json.ts';
import type { Descriptor } from '../manifest.ts';
import { DOCKER_MANIFEST, DOCKER_MANIFEST_LIST, isIndex, isManifest, OCI_INDEX, OCI_MANIFEST } from '../media-types.ts';
import { familiarName, type Reference } from '../reference.ts';
import { Client, type Endpoint, serverOf } from './client.ts';
import { type CredentialLookup, storedCredentials } from './credentials.ts';
import { deleteManifest } from './deletion.ts';
import { checked, collect, describeBody, describeHeaders } from './document.ts';
import { download, type OpenContent } from './download.ts';
import { explainError, type Subject, withMirrors } from './failure.ts';
import { readList } from './listing.ts';
import { requestReferrers } from './referrers.ts';
import { type Location, locationsOf, type RegistriesConf, readRegistriesConf } from './registries-conf.ts';
import { DEFAULT_RETRY, type RetryEvent, type RetryPolicy } from './retry.ts';
import { certificateDirectories } from './tls.ts';
import { DEFAULT_TIMEOUTS, discard, type Timeouts, Transport } from './transport.ts';
import { uploadBlob } from './upload.ts';
import { beginUpload, mountBlob, type UploadSession, type UploadTarget } from './upload-session.ts';

export interface RegistryOptions {
  /** Who to log in as; default: what `sealos login`, docker and podman stored. */
  readonly credentials?: CredentialLookup | undefined;
  /** The file to read logins from, instead of the usual ones. */
  readonly authFile?: string | undefined;
  /** Do not check certificates, and speak plain HTTP to what does not speak HTTPS (`--tls-verify=false`). */
  readonly insecure?: boolean | undefined;
  /** Speak plain HTTP and nothing else. */
  readonly plainHttp?: boolean | undefined;
  /** A directory with `*.crt` (authorities) and `*.cert`, `*.key` (client), instead of the `certs.d` ones. */
  readonly certDir?: string | undefined;
  /** Mirrors and exceptions; default: the machine's registries.conf. */
  readonly registriesConf?: RegistriesConf | undefined;
  readonly retry?: Partial<RetryPolicy> | undefined;
  readonly timeouts?: Partial<Timeouts> | undefined;
  /** Where settings are read from: proxies, places of files. */
  readonly environment?: NodeJS.ProcessEnv | undefined;
  readonly onRetry?: ((event: RetryEvent) => void) | undefined;
}

const ACCEPTED = [OCI_INDEX, DOCKER_MANIFEST_LIST, OCI_MANIFEST, DOCKER_MANIFEST].join(', ');

/** Opens the registries as one source and sink: each image's name says which. Nothing is asked before the first call. Close it when done. */
export function openRegistry(options: RegistryOptions = {}): Registry {
  return new Registry(options);
}

interface Place {
  readonly repository: string;
  readonly endpoint: Endpoint;
  readonly subject: Subject;
}

/** Images in registries, found and kept over HTTP (OCI distribution-spec 1.1). */
export class Registry implements ContentSource, ContentSink, AsyncDisposable {
  readonly #client: Client;
  readonly #transport: Transport;
  readonly #options: RegistryOptions;
  readonly #insecureHosts = new Set<string>();
  readonly #endpoints = new Map<string, Promise<Endpoint>>();
  // Documents just written, to be given a name; and uploads begun by a mount that did not come about.
  readonly #documents = new Map<Digest, Buffer>();
  readonly #sessions = new Map<string, UploadSession>();
  // Which of several places had an image: its content is asked for there first.
  readonly #foundAt = new Map<string, string>();
  #conf: Promise<RegistriesConf> | undefined;
  #begun = false;

  constructor(options: RegistryOptions) {
    this.#options = options;
    const environment = options.environment ?? process.env;
    this.#transport = new Transport({
      timeouts: { ...DEFAULT_TIMEOUTS, ...options.timeouts },
      environment,
      certificates: (host) => (options.certDir === undefined ? certificateDirectories(host, environment) : [options.certDir]),
      isInsecure: (host) => options.insecure === true || this.#insecureHosts.has(host),
    });
    this.#client = new Client({
      transport: this.#transport,
      retry: { ...DEFAULT_RETRY, ...options.retry },
      lookup: options.credentials ?? storedCredentials({ authFile: options.authFile, environment }),
      plainHttp: options.plainHttp === true,
      onRetry: options.onRetry,
    });
  }

  /** The manifest or index under a name, from the first mirror or registry that has it. Throws `image-not-found`, `registry-*` (exit 2). */
  async resolve(reference: Reference, options: ContentOptions = {}): Promise<Descriptor> {
    return this.#firstPlace(reference, options, async (place) => {
      const path = `/v2/${place.repository}/manifests/${reference.digest ?? reference.tag}`;
      const request = { path, headers: { accept: ACCEPTED }, scopes: pullScopes(place), subject: place.subject, signal: options.signal };
      const head = await this.#client.send(place.endpoint, { ...request, method: 'HEAD' });
      await discard(head);
      const known = head.status === 200 ? describeHeaders(head) : undefined;
      // Without the headers that say what it is, and for the reason of a refusal, the document itself is needed.
      if (known !== undefined) return checked(known, reference);
      const { response, bytes } = await this.#client.ask(place.endpoint, { ...request, method: 'GET' }, JSON_LIMIT);
      if (bytes === undefined) throw await this.#client.refuse(place.endpoint, response, place.subject);
      return checked(describeBody(response, bytes), reference);
    });
  }

  async fetch(
    reference: Reference,
    descriptor: Descriptor,
    options: ContentOptions & { readonly offset?: number } = {},
  ): Promise<Readable> {
    const isDocument = isManifest(descriptor.mediaType) || isIndex(descriptor.mediaType);
    if (isDocument) {
      const bytes = await this.#firstPlace(reference, options, (place) => this.#document(place, descriptor, options.signal));
      return Readable.from([bytes.subarray(options.offset ?? 0)], { objectMode: false });
    }
    const subject = subjectOf('pull', reference, reference.registry);
    return download({
      offset: options.offset ?? 0,
      size: descriptor.size,
      signal: options.signal,
      open: async (offset, signal) => {
        const opened = await this.#firstPlace(reference, { signal }, (place) => this.#open(place, descriptor, offset, signal));
        this.#begun = true;
        return opened;
      },
      retry: (failures, why) => this.#client.waitBeforeRetry(failures, why, subject, options.signal),
      giveUp: (error, received) => this.#afterBegin(broken(error, received, descriptor, subject)),
    });
  }

  async has(reference: Reference, descriptor: Descriptor, options: ContentOptions = {}): Promise<boolean> {
    return this.#pushing(reference, options, async (target) => {
      const isDocument = isManifest(descriptor.mediaType) || isIndex(descriptor.mediaType);
      const path = `/v2/${target.repository}/${isDocument ? 'manifests' : 'blobs'}/${descriptor.digest}`;
      const headers = isDocument ? { accept: descriptor.mediaType } : {};
      const { client, endpoint, scopes, subject } = target;
      const response = await client.send(endpoint, { method: 'HEAD', path, headers, scopes, subject, signal: options.signal });
      await discard(response);
      if (response.status === 200) return true;
      if (response.status === 404) return false;
      throw await client.refuse(endpoint, response, subject);
    });
  }

  /**
   * Asks the registry to take a blob over from another of its repositories, which costs no transfer. False when it does not, also
   * when it refuses, e.g. for lack of the right to read there; the blob is then to be written.
   */
  async mount(reference: Reference, descriptor: Descriptor, from: string, options: ContentOptions = {}): Promise<boolean> {
    return this.#pushing(reference, options, async (target) => {
      try {
        const session = await mountBlob(target, { digest: descriptor.digest, from });
        if (session !== undefined) this.#sessions.set(sessionKey(target, descriptor), session);
        return session === undefined;
      } catch (error) {
        options.signal?.throwIfAborted();
        if (error instanceof SealosError) return false;
        throw error;
      }
    });
  }

  async write(reference: Reference, descriptor: Descriptor, body: Readable, options: WriteOptions = {}): Promise<void> {
    body.on('error', () => {}); // where it is not read any more; whoever reads it hears of it
    try {
      await this.#pushing(reference, options, async (target) => {
        if (isManifest(descriptor.mediaType) || isIndex(descriptor.mediaType)) {
          const bytes = await collect(body, descriptor);
          await this.#putManifest(target, descriptor.digest, descriptor, bytes);
          this.#documents.set(descriptor.digest, bytes);
          return;
        }
        const key = sessionKey(target, descriptor);
        const session = this.#sessions.get(key) ?? (await beginUpload(target));
        this.#sessions.delete(key);
        this.#begun = true;
        await uploadBlob(target, descriptor, body, options.resume, session);
      });
    } finally {
      body.destroy();
    }
  }

  async tag(reference: Reference, descriptor: Descriptor, options: ContentOptions = {}): Promise<void> {
    if (reference.tag === undefined) return; // by its digest it has its name already
    const { tag } = reference;
    await this.#pushing(reference, options, async (target) => {
      const known = this.#documents.get(descriptor.digest);
      await this.#putManifest(target, tag, descriptor, known ?? (await this.#document(target, descriptor, options.signal)));
    });
  }

  /** What refers to a content, as the registry's own API knows it (distribution-spec 1.1); undefined where it has none. */
  async referrers(reference: Reference, digest: Digest, options: ContentOptions = {}): Promise<readonly Descriptor[] | undefined> {
    return this.#firstPlace(reference, options, (place) =>
      requestReferrers({ ...place, client: this.#client, digest, signal: options.signal }),
    );
  }

  /** All tags of a repository, in the registry's order. */
  async listTags(reference: Reference, options: ContentOptions = {}): Promise<readonly string[]> {
    return this.#firstPlace(
      reference,
      options,
      ({ repository, endpoint, subject }) => {
        const list = { path: `/v2/${repository}/tags/list?n=1000`, member: 'tags', scopes: [`repository:${repository}:pull`] } as const;
        return readList(this.#client, endpoint, subject, list, options.signal);
      },
      'list the tags of',
    );
  }

  /** All repositories of a registry (`HOST[:PORT]`), by docker's catalog, which not every registry has. */
  async listRepositories(host: string, options: ContentOptions = {}): Promise<readonly string[]> {
    const { endpoint, subject } = await this.#host(host, 'list what is in', options.signal);
    const list = { path: '/v2/_catalog?n=1000', member: 'repositories', scopes: ['registry:catalog:*'] } as const;
    return readList(this.#client, endpoint, subject, list, options.signal);
  }

  /** Takes a tag out of its registry, or by a digest the manifest with every tag that means it. Throws `image-not-found`, `registry-denied` (exit 2). */
  async remove(reference: Reference, options: ContentOptions = {}): Promise<void> {
    await this.#pushing(
      reference,
      options,
      ({ repository, endpoint, subject }) => deleteManifest(this.#client, endpoint, repository, reference, subject, options.signal),
      'remove',
    );
  }

  /** Asks a registry (`HOST[:PORT]`) whether it takes the login. Throws `registry-*` (exit 2). */
  async checkLogin(host: string, options: ContentOptions = {}): Promise<void> {
    const { endpoint, subject } = await this.#host(host, 'log in to', options.signal);
    const response = await this.#client.send(endpoint, { method: 'GET', path: '/v2/', scopes: [], subject, signal: options.signal });
    if (response.status !== 200) throw await this.#client.refuse(endpoint, response, subject);
    await discard(response);
  }

  /** Ends all connections. */
  async close(): Promise<void> {
    await this.#transport.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #host(host: string, action: Subject['action'], signal: AbortSignal | undefined) {
    const [location] = locationsOf(await this.#readConf(), { registry: host, repository: 'any', tag: 'any' }, 'push');
    const subject: Subject = { action, what: host, registry: host, host: location?.host ?? host };
    const endpoint = await this.#connect({ host: subject.host, repository: '', insecure: location?.insecure === true }, subject, signal);
    return { endpoint, subject };
  }

  async #document(place: Place, descriptor: Descriptor, signal: AbortSignal | undefined): Promise<Buffer> {
    const { repository, endpoint, subject } = place;
    const path = `/v2/${repository}/manifests/${descriptor.digest}`;
    const request = { method: 'GET', path, headers: { accept: descriptor.mediaType }, scopes: pullScopes(place), subject, signal } as const;
    const fault = (bytes: Buffer) => (digestOf(bytes) === descriptor.digest ? undefined : 'the document came with another content');
    const { response, bytes } = await this.#client.ask(endpoint, request, JSON_LIMIT, fault);
    if (bytes === undefined) throw await this.#client.refuse(endpoint, response, subject);
    return bytes;
  }

  async #open(place: Place, descriptor: Descriptor, offset: number, signal: AbortSignal): Promise<OpenContent> {
    const { repository, endpoint, subject } = place;
    const path = `/v2/${repository}/blobs/${descriptor.digest}`;
    const headers = offset > 0 ? { range: `bytes=${offset}-` } : {};
    const response = await this.#client.send(endpoint, { method: 'GET', path, headers, scopes: pullScopes(place), subject, signal });
    if (response.status === 200) return { body: response.body, start: 0 };
    const start = Number(/^bytes (\d+)-/.exec(response.header('content-range') ?? '')?.[1]);
    if (response.status === 206 && start <= offset) return { body: response.body, start };
    if (offset > 0 && (response.status === 206 || response.status === 416)) {
      // Another range than was asked for, or none: this server's ranges are not to be trusted. All of it then, and what is there is left out.
      await discard(response);
      return this.#open(place, descriptor, 0, signal);
    }
    if (response.status !== 404) throw await this.#client.refuse(endpoint, response, subject);
    await discard(response);
    const what = `${descriptor.digest.slice(0, 19)} of ${subject.what}`;
    throw new SealosError('content-not-found', `${response.url.host} does not have ${what}`, {
      hint: 'the image there is damaged: push it again',
    });
  }

  async #putManifest(target: UploadTarget, name: string, descriptor: Descriptor, bytes: Buffer): Promise<void> {
    const { client, endpoint, scopes, subject, signal } = target;
    const path = `/v2/${target.repository}/manifests/${name}`;
    const headers = { 'content-type': descriptor.mediaType };
    const response = await client.send(endpoint, { method: 'PUT', path, headers, body: bytes, scopes, subject, signal });
    if (response.status !== 201 && response.status !== 200 && response.status !== 202)
      throw await client.refuse(endpoint, response, subject);
    await discard(response);
  }

  async #pushing<T>(
    reference: Reference,
    options: ContentOptions,
    work: (target: UploadTarget) => Promise<T>,
    action: Subject['action'] = 'push',
  ): Promise<T> {
    try {
      const [location] = locationsOf(await this.#readConf(), reference, 'push');
      if (location === undefined) throw new Error('an image has no place in a registry');
      const { repository } = location;
      const subject = subjectOf(action, reference, location.host, repository);
      const endpoint = await this.#connect(location, subject, options.signal);
      const scopes = [`repository:${repository}:pull,push`];
      return await work({ client: this.#client, endpoint, repository, scopes, subject, signal: options.signal });
    } catch (error) {
      throw this.#afterBegin(error);
    }
  }

  // Tries every place in order; the last one, the registry itself, has the say when all fail.
  async #firstPlace<T>(
    reference: Reference,
    options: ContentOptions,
    work: (place: Place) => Promise<T>,
    action: Subject['action'] = 'pull',
  ): Promise<T> {
    const name = familiarName(reference);
    const locations = locationsOf(await this.#readConf(), reference, 'pull');
    const preferred = this.#foundAt.get(name);
    const ordered = [...locations].sort((a, b) => Number(b.host === preferred) - Number(a.host === preferred));
    const failures: { readonly location: Location; readonly error: SealosError }[] = [];
    for (const location of ordered) {
      try {
        const { repository } = location;
        const subject = subjectOf(action, reference, location.host, repository);
        const endpoint = await this.#connect(location, subject, options.signal);
        const result = await work({ repository, endpoint, subject });
        if (locations.length > 1) this.#foundAt.set(name, location.host);
        return result;
      } catch (error) {
        options.signal?.throwIfAborted();
        if (!(error instanceof SealosError)) throw error;
        failures.push({ location, error });
      }
    }
    const own = locations.at(-1);
    const last = failures.find(({ location }) => location === own)?.error;
    throw this.#afterBegin(
      withMirrors(
        last,
        failures.filter(({ error }) => error !== last).map(({ error }) => error),
      ),
    );
  }

  async #connect(location: Location, subject: Subject, signal: AbortSignal | undefined): Promise<Endpoint> {
    if (location.insecure) this.#insecureHosts.add(serverOf(location.host));
    const insecure = this.#options.insecure === true || location.insecure;
    const begun = this.#endpoints.get(location.host);
    const known = begun ?? this.#client.connect(subject, insecure, signal);
    this.#endpoints.set(location.host, known);
    try {
      return await known;
    } catch (error) {
      if (this.#endpoints.get(location.host) === known) this.#endpoints.delete(location.host);
      signal?.throwIfAborted();
      // Whoever began the connection was interrupted; this one was not.
      if (begun !== undefined && error instanceof Error && error.name === 'AbortError') return this.#connect(location, subject, signal);
      throw error;
    }
  }

  #readConf(): Promise<RegistriesConf> {
    const given = this.#options.registriesConf;
    this.#conf ??= given === undefined ? readRegistriesConf(this.#options.environment ?? process.env) : Promise.resolve(given);
    return this.#conf;
  }

  // Exit status 2 promises that nothing was changed: no longer so once content is on its way.
  #afterBegin(error: unknown): unknown {
    if (!this.#begun || !(error instanceof SealosError) || error.exitCode === 1) return error;
    return new SealosError(error.code, error.message, { hint: error.hint, cause: error.cause, exitCode: 1 });
  }
}

function subjectOf(action: Subject['action'], reference: Reference, host: string, repository = reference.repository): Subject {
  // A mirror has logins of its own.
  return { action, what: familiarName(reference), registry: host, host, repository };
}

function pullScopes(place: Place): readonly string[] {
  return [`repository:${place.repository}:pull`];
}

function sessionKey(target: UploadTarget, descriptor: Descriptor): string {
  return `${target.endpoint.origin.host}/${target.repository}@${descriptor.digest}`;
}

function broken(error: unknown, received: number, descriptor: Descriptor, subject: Subject): unknown {
  if (error !== undefined) return explainError(error, subject);
  const short = descriptor.digest.slice(0, 19);
  return new SealosError('content-mismatch', `${subject.host} sends ${received} bytes of ${short}, which has ${descriptor.size}`, {
    hint: 'the image there is damaged: push it again',
  });
}
