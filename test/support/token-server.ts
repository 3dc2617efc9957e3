// A token server for Debian's docker-registry: distribution's token authentication, signed with a key of its own.
import { createHash, createPrivateKey, createPublicKey, type KeyObject, randomUUID, sign, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { makeAuthority } from './certificates.ts';

export interface TokenRequest {
  readonly method: string;
  readonly parameters: URLSearchParams;
  readonly authorization: string | undefined;
}

export interface TokenServer extends AsyncDisposable {
  /** What `startDockerRegistry({ token })` takes. */
  readonly token: { readonly realm: string; readonly service: string; readonly issuer: string; readonly rootCertificates: string };
  readonly seen: readonly TokenRequest[];
}

export interface TokenServerOptions {
  readonly user: string;
  readonly password: string;
  /** A refresh token that is as good as the login. */
  readonly identityToken?: string;
  /** Without a login, tokens to pull are given out. */
  readonly anonymousPull?: boolean;
  /** Seconds that a token is good for (default 60). */
  readonly lifetime?: number;
  /** Answers POST alone, as OAuth2 servers do. */
  readonly postOnly?: boolean;
}

const ISSUER = 'token server of a test';
const SERVICE = 'docker-registry of a test';

/** Starts a token server on a free port of loopback; its key is made in `directory`. */
export async function startTokenServer(directory: string, options: TokenServerOptions): Promise<TokenServer> {
  const pair = makeAuthority(directory);
  const key = createPrivateKey(readFileSync(pair.key));
  const certificate = new X509Certificate(readFileSync(pair.certificate)).raw.toString('base64');
  const seen: TokenRequest[] = [];
  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? '', 'http://localhost');
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const parameters = request.method === 'POST' ? new URLSearchParams(Buffer.concat(chunks).toString()) : url.searchParams;
    const asked = { method: request.method ?? '', parameters, authorization: request.headers.authorization };
    seen.push(asked);
    if (options.postOnly && asked.method !== 'POST') return response.writeHead(405).end();
    const isKnown = knows(options, asked);
    const isAnonymous = asked.authorization === undefined && asked.method === 'GET';
    if (!isKnown && !(isAnonymous && options.anonymousPull)) return response.writeHead(401).end();
    const scopes = (asked.method === 'POST' ? (parameters.get('scope') ?? '').split(' ') : parameters.getAll('scope')).filter(
      (scope) => scope !== '',
    );
    const lifetime = options.lifetime ?? 60;
    const token = makeToken(key, certificate, accessOf(scopes, isKnown), lifetime);
    const body = asked.method === 'POST' ? { access_token: token, expires_in: lifetime } : { token, expires_in: lifetime };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    token: { realm: `http://127.0.0.1:${port}/token`, service: SERVICE, issuer: ISSUER, rootCertificates: pair.certificate },
    seen,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function knows(options: TokenServerOptions, request: TokenRequest): boolean {
  const { method, parameters, authorization } = request;
  if (method === 'GET') return authorization === `Basic ${Buffer.from(`${options.user}:${options.password}`).toString('base64')}`;
  if (parameters.get('grant_type') === 'refresh_token')
    return options.identityToken !== undefined && parameters.get('refresh_token') === options.identityToken;
  return parameters.get('username') === options.user && parameters.get('password') === options.password;
}

function accessOf(scopes: readonly string[], isKnown: boolean): readonly object[] {
  return scopes.map((scope) => {
    const [type, name, actions = ''] = scope.split(':');
    return { type, name, actions: actions.split(',').filter((action) => isKnown || action === 'pull') };
  });
}

// distribution, "Token Authentication Implementation": a JWT, its key named by certificate (x5c) and by libtrust's fingerprint (kid).
function makeToken(key: KeyObject, certificate: string, access: readonly object[], lifetime: number): string {
  const now = Math.floor(Date.now() / 1000);
  const header = { typ: 'JWT', alg: 'ES256', kid: fingerprint(key), x5c: [certificate] };
  const claims = { iss: ISSUER, sub: 'someone', aud: SERVICE, exp: now + lifetime, nbf: now - 10, iat: now, jti: randomUUID(), access };
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const text = `${encode(header)}.${encode(claims)}`;
  return `${text}.${sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}

function fingerprint(key: KeyObject): string {
  const hash = createHash('sha256')
    .update(createPublicKey(key).export({ type: 'spki', format: 'der' }))
    .digest()
    .subarray(0, 30);
  const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  const bits = [...hash].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  const text = (bits.match(/.{5}/g) ?? []).map((group) => digits[Number.parseInt(group, 2)]).join('');
  return (text.match(/.{4}/g) ?? []).join(':');
}
