import * as v from 'valibot';
import { SealosError } from '../error.ts';
import { type Challenge, parseChallenges } from './challenge.ts';
import type { CredentialLookup, Credentials, FoundCredentials } from './credentials.ts';
import { explainError, explainRefusal, explainUnauthorized, type LoginState, type Subject } from './failure.ts';
import { readAnswer } from './read-answer.ts';
import { discard, type HttpRequest, type HttpResponse } from './transport.ts';

const tokenAnswer = v.looseObject({
  token: v.nullish(v.string()),
  access_token: v.nullish(v.string()),
  // Some servers write it as text.
  expires_in: v.nullish(v.pipe(v.union([v.number(), v.string()]), v.transform(Number))),
});

interface Token {
  readonly value: string;
  /** Milliseconds since 1970, by this machine's clock. */
  readonly expires: number;
}

const CLIENT = 'sealos';
// distribution's token specification: a token without a lifetime lives this long.
const DEFAULT_LIFETIME = 60;
const ANSWER_LIMIT = 1024 * 1024;

export interface AuthorizationOptions {
  readonly send: (request: HttpRequest) => Promise<HttpResponse>;
  /** Waits before a token is asked for again; false when it should not be. */
  readonly retry: (failures: number, why: string, signal: AbortSignal | undefined) => Promise<boolean>;
  readonly lookup: CredentialLookup;
  /** As in an image's name: what credentials are kept under. */
  readonly registry: string;
  /** Whether credentials may be sent over plain HTTP to another server. */
  readonly allowPlain: boolean;
}

/**
 * How requests to one server are authorized: what it asked for (Basic, or Bearer with tokens of a token server), the credentials,
 * and the tokens got so far, each for its scopes (`repository:NAME:pull,push`).
 */
export class Authorization {
  readonly #options: AuthorizationOptions;
  readonly #tokens = new Map<string, Promise<Token>>();
  readonly #found = new Map<string, Promise<FoundCredentials>>();
  #challenge: Challenge | undefined;

  constructor(options: AuthorizationOptions) {
    this.#options = options;
  }

  /** Takes over what a 401 answer asks for. */
  learn(response: HttpResponse): void {
    const challenges = parseChallenges(response.header('www-authenticate') ?? '');
    this.#challenge =
      challenges.find(({ scheme, parameters }) => scheme === 'bearer' && parameters['realm'] !== undefined) ??
      challenges.find(({ scheme }) => scheme === 'basic') ??
      this.#challenge;
  }

  /** Forgets the token for these scopes: the server did not accept it. */
  forget(scopes: readonly string[]): void {
    this.#tokens.delete(keyOf(scopes));
  }

  /** The `Authorization` header for a request, or undefined when none is asked for or nobody is logged in. */
  async headerFor(scopes: readonly string[], subject: Subject, signal: AbortSignal | undefined): Promise<string | undefined> {
    const challenge = this.#challenge;
    if (challenge === undefined) return undefined;
    const { credentials } = await this.#find(subject.repository);
    if (credentials?.kind === 'bearer') return `Bearer ${credentials.token}`;
    if (challenge.scheme === 'basic') return credentials?.kind === 'password' ? basic(credentials) : undefined;
    return `Bearer ${await this.#token(challenge, scopes, subject, signal)}`;
  }

  /** For messages: who is logged in, never with what. */
  async state(repository: string | undefined): Promise<LoginState> {
    const { credentials, problem } = await this.#find(repository);
    return { hasCredentials: credentials !== undefined, user: credentials?.kind === 'password' ? credentials.user : undefined, problem };
  }

  #find(repository: string | undefined): Promise<FoundCredentials> {
    const key = repository ?? '';
    const found = this.#found.get(key) ?? this.#options.lookup(this.#options.registry, repository);
    this.#found.set(key, found);
    return found;
  }

  async #token(challenge: Challenge, scopes: readonly string[], subject: Subject, signal: AbortSignal | undefined): Promise<string> {
    const key = keyOf(scopes);
    const pending = this.#tokens.get(key);
    if (pending !== undefined) {
      const known = await pending.catch((error: unknown) => {
        // Whoever asked first was interrupted; this one was not.
        if (isAbort(error) && signal?.aborted !== true) return undefined;
        throw error;
      });
      if (known !== undefined && known.expires > Date.now()) return known.value;
    }
    const asked = this.#ask(challenge, scopes, subject, signal);
    this.#tokens.set(key, asked);
    asked.catch(() => this.#tokens.delete(key));
    return (await asked).value;
  }

  async #ask(challenge: Challenge, scopes: readonly string[], subject: Subject, signal: AbortSignal | undefined): Promise<Token> {
    const { credentials } = await this.#find(subject.repository);
    const realm = this.#realmOf(challenge, subject, credentials);
    const service = challenge.parameters['service'];
    const asked = Date.now();
    const send = async (): Promise<HttpResponse> => {
      if (credentials?.kind === 'identity') {
        return this.#post(realm, { grant_type: 'refresh_token', refresh_token: credentials.token }, service, scopes, signal);
      }
      const response = await this.#get(realm, credentials, service, scopes, signal);
      if ((response.status !== 404 && response.status !== 405) || credentials?.kind !== 'password') return response;
      await discard(response);
      const grant = { grant_type: 'password', username: credentials.user, password: credentials.password };
      return this.#post(realm, grant, service, scopes, signal);
    };
    const retry = (failures: number, why: string) => this.#options.retry(failures, why, signal);
    const { response, bytes } = await readAnswer({ send, limit: ANSWER_LIMIT, retry }).catch((error: unknown) => {
      // It is the token server that is not reached, not the registry.
      throw explainError(error, { ...subject, host: realm.host });
    });
    if (response.status === 401 || (response.status === 400 && credentials !== undefined)) {
      await discard(response);
      throw explainUnauthorized(subject, await this.state(subject.repository));
    }
    if (bytes === undefined) {
      throw await explainRefusal(response, { ...subject, host: realm.host }, await this.state(subject.repository));
    }
    return parseToken(bytes, realm, asked);
  }

  #realmOf(challenge: Challenge, subject: Subject, credentials: Credentials | undefined): URL {
    const text = challenge.parameters['realm'] ?? '';
    const realm = URL.canParse(text) ? new URL(text) : undefined;
    if (realm === undefined || (realm.protocol !== 'https:' && realm.protocol !== 'http:')) {
      throw new SealosError('registry-failed', `${subject.host} names a token server that is no URL`, { exitCode: 2 });
    }
    if (realm.protocol === 'http:' && credentials !== undefined && !this.#options.allowPlain) {
      throw new SealosError('registry-denied', `${subject.host} wants the login sent to ${realm.host} over plain HTTP: refused`, {
        exitCode: 2,
        hint: 'the registry must name its token server with https',
      });
    }
    return realm;
  }

  // distribution: "Token Authentication Specification".
  #get(realm: URL, credentials: Credentials | undefined, service: string | undefined, scopes: readonly string[], signal?: AbortSignal) {
    const url = new URL(realm);
    if (service !== undefined) url.searchParams.set('service', service);
    for (const scope of scopes) url.searchParams.append('scope', scope);
    if (credentials?.kind !== 'password') return this.#options.send({ method: 'GET', url, signal });
    url.searchParams.set('account', credentials.user);
    return this.#options.send({ method: 'GET', url, headers: { authorization: basic(credentials) }, signal });
  }

  // distribution: "Oauth2 Token Authentication".
  #post(realm: URL, grant: Readonly<Record<string, string>>, service = '', scopes: readonly string[], signal?: AbortSignal) {
    const body = new URLSearchParams({ ...grant, service, client_id: CLIENT, scope: scopes.join(' ') }).toString();
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    return this.#options.send({ method: 'POST', url: realm, headers, body, signal });
  }
}

function parseToken(bytes: Buffer, realm: URL, asked: number): Token {
  let answer: v.InferOutput<typeof tokenAnswer> | undefined;
  try {
    answer = v.parse(tokenAnswer, JSON.parse(bytes.toString('utf8')));
  } catch {
    answer = undefined;
  }
  const value = answer?.token || answer?.access_token;
  if (!value) throw new SealosError('registry-failed', `the token server ${realm.host} gave no token`, { exitCode: 2 });
  // Given up a little early: it must still be good when it arrives.
  const lifetime = answer?.expires_in ?? DEFAULT_LIFETIME;
  return { value, expires: asked + (Number.isFinite(lifetime) ? lifetime : DEFAULT_LIFETIME) * 800 };
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}

function basic(credentials: { readonly user: string; readonly password: string }): string {
  return `Basic ${Buffer.from(`${credentials.user}:${credentials.password}`).toString('base64')}`;
}

function keyOf(scopes: readonly string[]): string {
  return [...scopes].sort().join(' ');
}
