// A fake of S3, because Debian has no server that speaks it: buckets in memory, objects whole and in parts, listing in pages. It checks
// every request's signature with an implementation of its own (fake-s3-signature.ts), which is tested by the examples that AWS publishes,
// and every body against the hash that was signed. It can fail on purpose.
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type SignedParts, signature } from './fake-s3-signature.ts';

export interface FakeS3Options {
  readonly bucket: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  readonly region: string;
  /** Objects on a page of a listing (S3: 1000). */
  readonly pageSize?: number;
  /** Smallest part but for the last (S3: 5 MiB). */
  readonly leastPart?: number;
}

export interface FakeS3 extends AsyncDisposable {
  /** `http://127.0.0.1:PORT` */
  readonly endpoint: string;
  readonly objects: Map<string, Buffer>;
  /** Uploads in parts that were begun and neither completed nor taken back. */
  readonly uploads: ReadonlyMap<string, unknown>;
  /** `PUT key`, in the order in which they came. */
  readonly requests: readonly string[];
  /** The next requests, one each, are answered so instead: a status, `cut` (the connection is broken) or `late` (after a second). */
  readonly faults: (number | 'cut' | 'late')[];
}

interface Upload {
  readonly key: string;
  readonly parts: Map<number, Buffer>;
}

class Refused extends Error {
  readonly status: number;
  readonly code: string;
  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

const etagOf = (content: Buffer) => `"${createHash('md5').update(content).digest('hex')}"`;
const xml = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Throws as S3 does where the signature is not what these credentials make of this very request. */
function authenticate(request: IncomingMessage, body: Buffer, options: FakeS3Options): void {
  const [path = '/', query = ''] = (request.url ?? '/').split('?', 2);
  const header = request.headers.authorization ?? '';
  const [, id, day, region, service, names = '', given] =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/.exec(
      header,
    ) ?? [];
  if (id === undefined) throw new Refused(403, 'AccessDenied', 'the request is not signed');
  if (id !== options.accessKeyId) throw new Refused(403, 'InvalidAccessKeyId', 'no such key');
  if (region !== options.region || service !== 's3')
    throw new Refused(400, 'AuthorizationHeaderMalformed', `the region is ${options.region}`);
  const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
  const time = headers['x-amz-date'] ?? '';
  if (!time.startsWith(day ?? '-')) throw new Refused(403, 'AccessDenied', 'the dates differ');
  const at = Date.parse(time.replace(/^(....)(..)(..)T(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6Z'));
  if (!(Math.abs(Date.now() - at) < 15 * 60_000)) throw new Refused(403, 'RequestTimeTooSkewed', 'the clocks differ');
  if (headers['x-amz-security-token'] !== options.sessionToken) throw new Refused(403, 'InvalidToken', 'the token is not valid');
  const signedHeaders = names.split(';');
  const unsigned = Object.keys(headers).find((name) => (name === 'host' || name.startsWith('x-amz-')) && !signedHeaders.includes(name));
  if (unsigned !== undefined) throw new Refused(403, 'AccessDenied', `${unsigned} is not signed`);
  const payloadHash = headers['x-amz-content-sha256'];
  if (payloadHash === undefined) throw new Refused(400, 'MissingSecurityHeader', 'x-amz-content-sha256 is missing');
  const parts: SignedParts = {
    method: request.method ?? '',
    path,
    query,
    headers,
    signedHeaders,
    payloadHash,
    time,
    region,
    service,
  };
  if (signature(parts, options.secretAccessKey) !== given) throw new Refused(403, 'SignatureDoesNotMatch', 'the signature does not match');
  if (payloadHash !== createHash('sha256').update(body).digest('hex')) {
    throw new Refused(400, 'XAmzContentSHA256Mismatch', 'the body is not what was signed');
  }
}

/** Starts a server on loopback with one bucket. */
export async function startFakeS3(options: FakeS3Options): Promise<FakeS3> {
  const objects = new Map<string, Buffer>();
  const uploads = new Map<string, Upload>();
  const requests: string[] = [];
  const faults: (number | 'cut' | 'late')[] = [];
  const server = createServer((request, response) => {
    void serve(request, response);
  });

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await bodyOf(request).catch(() => undefined);
    if (body === undefined) return;
    requests.push(`${request.method} ${decodeURIComponent(request.url ?? '')}`);
    const fault = faults.shift();
    if (fault === 'cut') {
      request.socket.destroy();
      return;
    }
    if (fault === 'late') await new Promise((resolve) => setTimeout(resolve, 1000));
    let answer: Answer;
    try {
      if (typeof fault === 'number') throw new Refused(fault, 'InternalError', 'a fault on purpose');
      if (request.headers['transfer-encoding'] !== undefined) throw new Refused(411, 'MissingContentLength', 'give the length');
      authenticate(request, body, options);
      answer = act(request, body);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      answer = {
        status: error.status,
        body: `<?xml version="1.0"?><Error><Code>${error.code}</Code><Message>${error.message}</Message></Error>`,
      };
    }
    response.writeHead(answer.status ?? 200, { 'content-length': Buffer.byteLength(answer.body ?? ''), ...answer.headers });
    response.end(answer.body);
  }

  function act(request: IncomingMessage, body: Buffer): Answer {
    const url = new URL(request.url ?? '/', 'http://fake');
    const [, bucket, ...rest] = url.pathname.split('/').map(decodeURIComponent);
    if (bucket !== options.bucket) throw new Refused(404, 'NoSuchBucket', 'The specified bucket does not exist');
    const key = rest.join('/');
    const query = url.searchParams;
    if (key === '') return list(query);
    const uploadId = query.get('uploadId');
    switch (request.method) {
      case 'PUT':
        return uploadId === null ? put(key, body) : putPart(uploadId, Number(query.get('partNumber')), body);
      case 'POST':
        return query.has('uploads') ? begin(key) : complete(String(uploadId), body.toString());
      case 'DELETE':
        if (uploadId === null) objects.delete(key);
        else uploads.delete(uploadId);
        return { status: 204 };
      default: {
        const content = objects.get(key);
        if (content === undefined) throw new Refused(404, 'NoSuchKey', 'The specified key does not exist.');
        return { body: content };
      }
    }
  }

  function put(key: string, body: Buffer): Answer {
    objects.set(key, body);
    return { headers: { etag: etagOf(body) } };
  }

  function begin(key: string): Answer {
    const id = `upload-${uploads.size + 1}&<>`;
    uploads.set(id, { key, parts: new Map() });
    return { body: `<InitiateMultipartUploadResult><UploadId>${xml(id)}</UploadId></InitiateMultipartUploadResult>` };
  }

  function uploadOf(id: string): Upload {
    const upload = uploads.get(id);
    if (upload === undefined) throw new Refused(404, 'NoSuchUpload', 'The upload does not exist');
    return upload;
  }

  function putPart(id: string, number: number, body: Buffer): Answer {
    uploadOf(id).parts.set(number, body);
    return { headers: { etag: etagOf(body) } };
  }

  function complete(id: string, body: string): Answer {
    const { key, parts } = uploadOf(id);
    const listed = [...body.matchAll(/<Part><PartNumber>(\d+)<\/PartNumber><ETag>([^<]*)<\/ETag><\/Part>/g)];
    const contents = listed.map(([, number, etag], index) => {
      const content = parts.get(Number(number));
      if (content === undefined || etagOf(content) !== etag) throw new Refused(400, 'InvalidPart', 'a part is not what it was');
      if (index < listed.length - 1 && content.length < (options.leastPart ?? 5 * 1024 * 1024)) {
        throw new Refused(400, 'EntityTooSmall', 'a part is too small');
      }
      return content;
    });
    objects.set(key, Buffer.concat(contents));
    uploads.delete(id);
    return { body: '<CompleteMultipartUploadResult/>' };
  }

  function list(query: URLSearchParams): Answer {
    const prefix = query.get('prefix') ?? '';
    const after = query.get('continuation-token') ?? '';
    const below = [...objects.keys()].filter((key) => key.startsWith(prefix) && !key.slice(prefix.length).includes('/') && key > after);
    const page = below.sort().slice(0, options.pageSize ?? 1000);
    const isMore = page.length < below.length;
    const contents = page.map((key) => `<Contents><Key>${xml(key)}</Key></Contents>`).join('');
    const next = isMore ? `<NextContinuationToken>${xml(page.at(-1) ?? '')}</NextContinuationToken>` : '';
    return { body: `<ListBucketResult><IsTruncated>${isMore}</IsTruncated>${contents}${next}</ListBucketResult>` };
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    objects,
    uploads,
    requests,
    faults,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
