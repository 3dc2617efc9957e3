import { Authorization } from './authorization.ts';
import type { CredentialLookup } from './credentials.ts';
import { explainClosedTls, explainError, explainNoRegistry, explainRefusal, type Subject, speaksPlainHttp } from './failure.ts';
import { isPlainHere } from './plain-greeting.ts';
import { isLoopback } from './proxy.ts';
import { type Answer, readAnswer } from './read-answer.ts';
import { codeOf, delayBefore, isBusy, isPassing, parseRetryAfter, pause, type RetryEvent, type RetryPolicy } from './retry.ts';
import { discard, type HttpRequest, type HttpResponse, type Transport } from './transport.ts';

/** A server that was found to be a registry. */
export interface Endpoint {
  /** `https://HOST[:PORT]/` */
  readonly origin: URL;
  readonly authorization: Authorization;
}

export interface RegistryRequest {
  readonly method: HttpRequest['method'];
  /** Relative to the endpoint's origin, e.g. `/v2/app/manifests/1`. */
  readonly path: string | URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: HttpRequest['body'];
  readonly scopes: readonly string[];
  readonly subject: Subject;
  readonly signal?: AbortSignal | undefined;
}

export interface ClientOptions {
  readonly transport: Transport;
  readonly retry: RetryPolicy;
  readonly lookup: CredentialLookup;
  /** Speak plain HTTP and nothing else. */
  readonly plainHttp: boolean;
  readonly onRetry?: ((event: RetryEvent) => void) | undefined;
}

/** `HOST[:PORT]` of the server that is a registry: Docker Hub's name is not its host. */
export function serverOf(registry: string): string {
  return registry === 'docker.io' || registry === 'index.docker.io' ? 'registry-1.docker.io' : registry;
}

/** Requests to registries: the scheme found out, authorized, and repeated when they fail for a passing reason. */
export class Client {
  readonly #options: ClientOptions;

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  get retry(): RetryPolicy {
    return this.#options.retry;
  }

  /**
   * Finds the registry at `subject.host`: HTTPS; plain HTTP only where that is allowed, which is for this machine itself and for
   * registries declared insecure, and only after HTTPS was not understood, as docker does it.
   */
  async connect(subject: Subject, insecure: boolean, signal: AbortSignal | undefined): Promise<Endpoint> {
    const host = serverOf(subject.host);
    const at = { ...subject, host };
    const url = new URL(`https://${host}/v2/`);
    const mayBePlain = insecure || this.#options.plainHttp || isLoopback(url.hostname.replace(/^\[(.*)\]$/, '$1'));
    if (!this.#options.plainHttp && !(await isPlainHere(url, signal))) {
      try {
        return await this.#greet(url, at, mayBePlain, signal);
      } catch (error) {
        const explained = codeOf(error) === 'UND_ERR_SOCKET' ? explainClosedTls(error, at) : explainError(error, at);
        if (!mayBePlain || !mayBePlainHttp(error)) throw explained;
        const plain = await this.#greetPlain(host, at, signal).catch((second: unknown) => ({ second }));
        if (!('second' in plain)) return plain;
        throw speaksPlainHttp(error) ? explainError(plain.second, at) : explained;
      }
    }
    return this.#greetPlain(host, at, signal).catch((error: unknown) => Promise.reject(explainError(error, at)));
  }

  /** Sends one request. Any answer is returned, also a refusal (`refuse`); a busy registry is asked again first. */
  async send(endpoint: Endpoint, request: RegistryRequest): Promise<HttpResponse> {
    const { authorization } = endpoint;
    const { method, headers, body, scopes, subject, signal } = request;
    const url = new URL(request.path, endpoint.origin);
    // Upload locations may be on another host: what was agreed with this one is not for it.
    const isOwn = url.origin === endpoint.origin.origin;
    const attempt = async (): Promise<HttpResponse> => {
      const secret = isOwn ? await authorization.headerFor(scopes, subject, signal) : undefined;
      const message = { method, url, headers: secret === undefined ? { ...headers } : { ...headers, authorization: secret }, body, signal };
      const canRepeat = body === undefined || typeof body === 'string' || Buffer.isBuffer(body);
      return canRepeat ? this.#sendPatiently(message, subject, true) : this.#options.transport.send(message);
    };
    try {
      const response = await attempt();
      if (response.status !== 401 || !isOwn) return response;
      authorization.learn(response);
      authorization.forget(scopes);
      if (body !== undefined && typeof body !== 'string' && !Buffer.isBuffer(body)) return response;
      const again = await authorization.headerFor(scopes, subject, signal);
      if (again === undefined) return response;
      await discard(response);
      return await attempt();
    } catch (error) {
      if (body !== undefined && typeof body !== 'string' && !Buffer.isBuffer(body)) throw error;
      throw explainError(error, subject);
    }
  }

  /** Sends one request and reads the whole answer, at most `limit` bytes, when its status is 200. */
  async ask(endpoint: Endpoint, request: RegistryRequest, limit: number, fault?: (bytes: Buffer) => string | undefined): Promise<Answer> {
    const { subject, signal } = request;
    try {
      return await readAnswer({
        send: () => this.send(endpoint, request),
        limit,
        fault,
        retry: (failures, why) => this.waitBeforeRetry(failures, why, subject, signal),
      });
    } catch (error) {
      throw explainError(error, subject);
    }
  }

  /** The error for an answer that is not what was asked for. */
  async refuse(endpoint: Endpoint, response: HttpResponse, subject: Subject): Promise<Error> {
    return explainRefusal(response, { ...subject, host: response.url.host }, await endpoint.authorization.state(subject.repository));
  }

  /** Tells whoever listens that something is tried again, and waits. False when it should not be tried again. */
  async waitBeforeRetry(failures: number, why: string, subject: Subject, signal?: AbortSignal, asked?: number): Promise<boolean> {
    const delay = delayBefore(failures, this.#options.retry, asked);
    if (delay === undefined) return false;
    this.#options.onRetry?.({ kind: 'retry', what: `${subject.action} ${subject.what}`, why, delay });
    await pause(delay, signal);
    return true;
  }

  async #greetPlain(host: string, subject: Subject, signal: AbortSignal | undefined): Promise<Endpoint> {
    return this.#greet(new URL(`http://${host}/v2/`), subject, true, signal);
  }

  async #greet(url: URL, subject: Subject, allowPlain: boolean, signal: AbortSignal | undefined): Promise<Endpoint> {
    const authorization = new Authorization({
      send: (request) => this.#sendPatiently(request, subject, true),
      retry: (failures, why, asked) => this.waitBeforeRetry(failures, why, subject, asked),
      lookup: this.#options.lookup,
      registry: subject.registry,
      allowPlain,
    });
    const endpoint = { origin: new URL(url.origin), authorization };
    const response = await this.#sendPatiently({ method: 'GET', url, signal }, subject, false);
    const isRegistry = response.status === 200 || response.status === 401 || response.status === 403 || response.status === 429;
    const announcesItself = response.header('docker-distribution-api-version') !== undefined;
    if (response.status === 404 && !announcesItself) {
      await discard(response);
      throw explainNoRegistry(subject, response.status);
    }
    if (!isRegistry && !announcesItself) throw await this.refuse(endpoint, response, subject);
    if (response.status === 401) authorization.learn(response);
    await discard(response);
    return endpoint;
  }

  async #sendPatiently(message: HttpRequest, subject: Subject, answeredBefore: boolean): Promise<HttpResponse> {
    for (let failures = 1; ; failures++) {
      let response: HttpResponse | undefined;
      let why: string;
      let failed: unknown;
      try {
        response = await this.#options.transport.send(message);
        if (!isBusy(response.status)) return response;
        why = `${message.url.host} answered with status ${response.status}`;
      } catch (error) {
        if (message.signal?.aborted || !isPassing(error, answeredBefore)) throw error;
        // A host that does not answer at all is not asked for a minute: it is most likely the wrong one.
        if (!answeredBefore && (codeOf(error) === 'UND_ERR_CONNECT_TIMEOUT' || codeOf(error) === 'ETIMEDOUT')) throw error;
        failed = error;
        why = `the connection to ${message.url.host} broke (${codeOf(error)})`;
      }
      const asked = parseRetryAfter(response?.header('retry-after'));
      const delay = delayBefore(failures, this.#options.retry, asked);
      if (delay === undefined) {
        if (response !== undefined) return response;
        throw failed;
      }
      if (response !== undefined) await discard(response);
      await this.waitBeforeRetry(failures, why, subject, message.signal, asked);
    }
  }
}

// What a server may do to a TLS greeting that it does not understand, or when it listens on the plain port alone.
function mayBePlainHttp(error: unknown): boolean {
  const code = codeOf(error);
  return speaksPlainHttp(error) || code === 'ECONNREFUSED' || code === 'ECONNRESET' || code === 'EPROTO' || code === 'UND_ERR_SOCKET';
}
