import { setTimeout as pause } from 'node:timers/promises';
import { SealosError } from '@sealos/image';
import { AwsV4Signer } from 'aws4fetch';
import type { S3Target } from './s3-target.ts';

export interface S3Request {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  /** Of the object; empty for the bucket itself. */
  readonly key: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: { readonly content: Blob; readonly sha256: string } | undefined;
  readonly signal: AbortSignal;
}

const EMPTY_SHA256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
const ATTEMPTS = 5;
/** Milliseconds that a request may take without its bytes, and bytes a millisecond that it must at least get on. */
const TIMEOUT = 60_000;
const SLOWEST = 50;

/**
 * One signed request to S3-compatible storage, repeated where it failed on the way or the server had a bad moment (5xx, 429). The body of a
 * signed request is signed too: the server refuses what was damaged on the way. Throws SealosError with what the server said.
 */
export async function s3Request(target: S3Target, request: S3Request): Promise<Response> {
  for (let attempt = 1; ; attempt += 1) {
    const failure = await once(target, request).catch((error: unknown) => {
      request.signal.throwIfAborted();
      return unreachable(target, error);
    });
    if (failure instanceof Response && failure.ok) return failure;
    const isPassing = !(failure instanceof Response) || failure.status >= 500 || failure.status === 429;
    if (!isPassing || attempt === ATTEMPTS) throw failure instanceof Response ? await refusal(target, request, failure) : failure;
    if (failure instanceof Response) await failure.body?.cancel();
    await pause(200 * 2 ** (attempt - 1), undefined, { signal: request.signal });
  }
}

async function once(target: S3Target, { method, key, query = {}, body, signal }: S3Request): Promise<Response> {
  const url = new URL(`${target.url}/${key.split('/').map(encodeURIComponent).join('/')}`);
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  const { accessKeyId, secretAccessKey, sessionToken } = target.credentials;
  const signer = new AwsV4Signer({
    method,
    url: url.href,
    headers: { 'x-amz-content-sha256': body?.sha256 ?? EMPTY_SHA256 },
    accessKeyId,
    secretAccessKey,
    ...(sessionToken === undefined ? {} : { sessionToken }),
    service: 's3',
    region: target.region,
  });
  const signed = await signer.sign();
  const limit = TIMEOUT + (body?.content.size ?? 0) / SLOWEST;
  // An answer's own bytes are the reader's to limit.
  const timeout = new AbortController();
  const timer = setTimeout(() => timeout.abort(new Error(`no answer within ${Math.round(limit / 1000)} s`)), limit);
  try {
    return await fetch(signed.url, {
      method,
      headers: signed.headers,
      // A redirection would need a signature of its own; S3 sends one where the region is wrong.
      redirect: 'manual',
      signal: AbortSignal.any([signal, timeout.signal]),
      ...(body === undefined ? {} : { body: body.content }),
    });
  } finally {
    clearTimeout(timer);
  }
}

function unreachable(target: S3Target, error: unknown): SealosError {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const why = cause instanceof Error ? cause.message : String(cause);
  return new SealosError('s3-unreachable', `${new URL(target.url).host} cannot be reached: ${why}`, {
    cause: error,
    hint: 'see --s3-endpoint; for an authority of your own set NODE_EXTRA_CA_CERTS',
  });
}

const hints: Readonly<Record<number, string>> = {
  301: 'the bucket is in another region: give it with --s3-region',
  307: 'the bucket is in another region: give it with --s3-region',
  400: 'see --s3-region',
  403: "see the credentials and what they may do, and this machine's clock",
  404: 'see the name of the bucket and of the object',
};

async function refusal(target: S3Target, { method, key }: S3Request, response: Response): Promise<SealosError> {
  const text = (await response.text().catch(() => '')).slice(0, 10_000);
  const said = [elementsOf(text, 'Code')[0], elementsOf(text, 'Message')[0]].filter(Boolean).join(': ');
  const what = `${method === 'GET' && key !== '' ? 'reading' : method === 'GET' ? 'listing' : method === 'DELETE' ? 'deleting' : 'writing'} s3://${target.bucket}/${key}`;
  return new SealosError('s3-refused', `${what} failed: ${said || `HTTP status ${response.status}`}`, { hint: hints[response.status] });
}

/** The texts of all elements of that name, in a document without attributes or nesting that matter: S3's answers are such. */
export function elementsOf(xml: string, name: string): readonly string[] {
  const entities: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };
  return [...xml.matchAll(new RegExp(`<${name}>([^<]*)</${name}>`, 'g'))].map(([, text = '']) =>
    text.replaceAll(/&(?:#(\d+)|#x([0-9a-f]+)|(\w+));/gi, (whole, decimal, hexadecimal, entity) => {
      if (decimal) return String.fromCodePoint(Number(decimal));
      if (hexadecimal) return String.fromCodePoint(Number.parseInt(hexadecimal, 16));
      return entities[entity] ?? whole;
    }),
  );
}
