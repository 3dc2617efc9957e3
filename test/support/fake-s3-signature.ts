// AWS Signature Version 4 as its documentation describes it, written for the tests alone: what checks signatures must not be what made them.
import { createHash, createHmac } from 'node:crypto';

export interface SignedParts {
  readonly method: string;
  /** As it stands in the request line. */
  readonly path: string;
  /** As it stands in the request line, without `?`. */
  readonly query: string;
  /** All headers that came, names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Names of those that are signed, sorted. */
  readonly signedHeaders: readonly string[];
  /** Hex SHA-256 of the body, or what the request says in its place. */
  readonly payloadHash: string;
  /** `20130524T000000Z` */
  readonly time: string;
  readonly region: string;
  readonly service: string;
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest();
/** RFC 3986 alone: encodeURIComponent leaves five more characters as they are. */
const encode = (text: string) =>
  encodeURIComponent(text).replaceAll(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);

/** Step 1 of the documentation: the request in one spelling. S3 takes the path as it is, encoded once. */
export function canonicalRequest(parts: SignedParts): string {
  const path = parts.path
    .split('/')
    .map((segment) => encode(decodeURIComponent(segment)))
    .join('/');
  const query = [...new URLSearchParams(parts.query)]
    .map(([name, value]) => [encode(name), encode(value)] as const)
    .sort(([a, x], [b, y]) => (a < b ? -1 : a > b ? 1 : x < y ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
  const headers = parts.signedHeaders.map((name) => `${name}:${(parts.headers[name] ?? '').trim().replaceAll(/ +/g, ' ')}\n`).join('');
  return [parts.method, path, query, headers, parts.signedHeaders.join(';'), parts.payloadHash].join('\n');
}

export function stringToSign(parts: SignedParts): string {
  const scope = `${parts.time.slice(0, 8)}/${parts.region}/${parts.service}/aws4_request`;
  return ['AWS4-HMAC-SHA256', parts.time, scope, sha256(canonicalRequest(parts))].join('\n');
}

/** The signature, hexadecimal. */
export function signature(parts: SignedParts, secretAccessKey: string): string {
  const day = hmac(`AWS4${secretAccessKey}`, parts.time.slice(0, 8));
  const key = hmac(hmac(hmac(day, parts.region), parts.service), 'aws4_request');
  return createHmac('sha256', key).update(stringToSign(parts)).digest('hex');
}
