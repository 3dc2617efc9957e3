import * as v from 'valibot';
import { SealosError } from '../error.ts';
import { ConnectionRefusal } from './connection-refusal.ts';
import { codeOf } from './retry.ts';
import { discard, type HttpResponse, readBody } from './transport.ts';

/** What was being done, for the message. */
export interface Subject {
  readonly action: 'pull' | 'push' | 'log in to' | 'list the tags of' | 'list what is in' | 'remove';
  /** An image's name, or a registry's. */
  readonly what: string;
  /** `HOST[:PORT]` as in an image's name: what `sealos login` takes. */
  readonly registry: string;
  /** `HOST[:PORT]` that was talked to: a mirror's, or Docker Hub's. */
  readonly host: string;
  readonly repository?: string | undefined;
}

/** What is known about the login when a registry refused. */
export interface LoginState {
  readonly user?: string | undefined;
  readonly hasCredentials: boolean;
  readonly problem?: string | undefined;
}

const document = v.object({ errors: v.array(v.object({ code: v.optional(v.string()), message: v.optional(v.string()) })) });
const DOCUMENT_LIMIT = 64 * 1024;

function failure(subject: Subject, code: string, why: string, hint?: string, cause?: unknown): SealosError {
  return new SealosError(code, `cannot ${subject.action} ${subject.what}: ${why}`, { hint, exitCode: 2, cause });
}

const UNKNOWN_AUTHORITY = new Set([
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_UNTRUSTED',
]);

const UNREACHABLE: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'refuses the connection, nothing listens there',
  EHOSTUNREACH: 'cannot be reached, there is no route to it',
  ENETUNREACH: 'cannot be reached, there is no network to it',
  ENETDOWN: 'cannot be reached, the network is down',
  ENOTFOUND: 'is not known, there is no such name',
  EAI_AGAIN: 'is not known, the name server does not answer',
  ETIMEDOUT: 'does not answer',
  UND_ERR_CONNECT_TIMEOUT: 'does not answer',
  UND_ERR_HEADERS_TIMEOUT: 'took the request but does not answer',
  UND_ERR_BODY_TIMEOUT: 'stopped sending',
  UND_ERR_SOCKET: 'broke the connection',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'broke the connection',
  ECONNRESET: 'broke the connection',
  EPIPE: 'broke the connection',
};

/** Whether a TLS greeting was answered by something that is not TLS. */
export function speaksPlainHttp(error: unknown): boolean {
  const code = codeOf(error);
  return code === 'ERR_SSL_WRONG_VERSION_NUMBER' || code === 'ERR_SSL_PACKET_LENGTH_TOO_LONG' || code === 'ERR_SSL_HTTP_REQUEST';
}

/** A network or TLS failure as the user should read it. An abort and errors of our family pass unchanged. */
export function explainError(error: unknown, subject: Subject): unknown {
  if (error instanceof SealosError || !(error instanceof Error) || error.name === 'AbortError') return error;
  if (error instanceof ConnectionRefusal) return failure(subject, error.reason, error.message, error.hint, error);
  const { host } = subject;
  const code = codeOf(error) ?? '';
  if (speaksPlainHttp(error)) {
    const hint = `if that is right, mark it insecure: --tls-verify=false, or 'insecure = true' for ${host} in registries.conf`;
    return failure(subject, 'registry-speaks-plain', `${host} speaks plain HTTP, not HTTPS`, hint, error);
  }
  if (UNKNOWN_AUTHORITY.has(code)) {
    const hint = `put its authority's certificate into /etc/containers/certs.d/${host}/ca.crt, or name a directory with it by --cert-dir`;
    return failure(
      subject,
      'registry-unknown-authority',
      `the certificate of ${host} is signed by an authority that is not known here`,
      hint,
      error,
    );
  }
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID') {
    const why = code === 'CERT_HAS_EXPIRED' ? 'has expired' : 'is not valid yet';
    return failure(
      subject,
      'registry-bad-certificate',
      `the certificate of ${host} ${why}`,
      'renew it, and check the clock of this machine',
      error,
    );
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return failure(
      subject,
      'registry-bad-certificate',
      `the certificate of ${host} is for other names`,
      'use the name that the certificate is for',
      error,
    );
  }
  if (/^ERR_SSL_.*(CERTIFICATE|HANDSHAKE_FAILURE)/.test(code)) return explainClosedTls(error, subject);
  if (code === 'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH') {
    const hint = 'the image here is damaged: pull, load or build it again';
    return failure(subject, 'content-mismatch', 'a content of it has not as many bytes here as its manifest says', hint, error);
  }
  if (code.startsWith('HPE_'))
    return failure(
      subject,
      'registry-speaks-tls',
      `${host} does not answer in plain HTTP`,
      'it may speak HTTPS: leave --plain-http away',
      error,
    );
  if (code.startsWith('ERR_SSL_') || code === 'EPROTO')
    return failure(subject, 'registry-unreachable', `TLS with ${host} failed (${code})`, undefined, error);
  const why = UNREACHABLE[code];
  if (why === undefined)
    return failure(subject, 'registry-unreachable', `the connection to ${host} failed: ${error.message}`, undefined, error);
  return failure(
    subject,
    'registry-unreachable',
    `${host} ${why}`,
    'check the name, the network and the proxy settings, and whether the registry runs',
    error,
  );
}

/** A server that ends the connection once TLS has begun: with TLS 1.3 that is how the lack of a client's certificate shows. */
export function explainClosedTls(error: unknown, subject: Subject): SealosError {
  const { host } = subject;
  const hint = `put client.cert and client.key into /etc/containers/certs.d/${host}, or name a directory with them by --cert-dir`;
  return failure(
    subject,
    'registry-wants-certificate',
    `${host} did not accept the TLS connection, it may want a client's certificate`,
    hint,
    error,
  );
}

/** An answer that is a refusal, as the user should read it. The answer's body is read. */
export async function explainRefusal(response: HttpResponse, subject: Subject, login: LoginState): Promise<SealosError> {
  const { status } = response;
  const { host } = subject;
  const { code, message } = await readErrors(response);
  const said = message === undefined ? '' : ` ("${message}")`;
  if (status === 401) return explainUnauthorized(subject, login);
  if (status === 403) {
    const who = login.user === undefined ? '' : ` as ${login.user}`;
    return failure(
      subject,
      'registry-denied',
      `${host} refuses it${who}${said}`,
      `check the name; 'sealos login ${subject.registry}' logs in as someone who may`,
    );
  }
  if (code === 'BLOB_UPLOAD_UNKNOWN' || code === 'BLOB_UPLOAD_INVALID') {
    return failure(subject, 'registry-failed', `${host} lost the upload again and again`, 'try again later, or ask who runs it');
  }
  if (status === 404 && subject.action === 'push') {
    const hint = 'at this registry it (or its project) has to be made before something is pushed to it';
    return failure(subject, 'image-not-found', `${host} has no repository ${subject.repository}${said}`, hint);
  }
  if (status === 404) {
    if (code === 'NAME_UNKNOWN')
      return failure(subject, 'image-not-found', `${host} has no repository ${subject.repository}`, 'check the name');
    return failure(subject, 'image-not-found', `${host} has no such image`, `check the tag: the repository is ${subject.repository}`);
  }
  if (status === 400 && /HTTP request.*HTTPS|HTTPS port/i.test(message ?? '')) {
    return failure(subject, 'registry-speaks-tls', `${host} speaks HTTPS, not plain HTTP`, 'leave --plain-http away');
  }
  if (status === 407) {
    const hint = 'put the login into the proxy variable: http://USER:PASSWORD@HOST:PORT';
    return failure(subject, 'proxy-wants-login', 'the proxy needs a login, or does not accept the one it got', hint);
  }
  if (code === 'DIGEST_INVALID') {
    const hint = 'the content here may be damaged: pull, load or build the image again';
    return failure(subject, 'content-mismatch', `${host} says that what arrived is not what its digest says${said}`, hint);
  }
  if (status === 405 || code === 'UNSUPPORTED') {
    return failure(subject, 'registry-denied', `${host} does not support it${said}`, 'it may be read-only');
  }
  if (status === 413)
    return failure(
      subject,
      'registry-denied',
      `${host} says that it is too big${said}`,
      'raise the limit of the registry or of the proxy before it',
    );
  if (status === 429) {
    const hint = login.hasCredentials ? 'wait, or use a mirror' : `wait, or 'sealos login ${subject.registry}' for a higher limit`;
    return failure(subject, 'registry-busy', `${host} has had too many requests${said}`, hint);
  }
  if (status >= 500)
    return failure(subject, 'registry-failed', `${host} failed with status ${status}${said}`, 'try again later, or ask who runs it');
  return failure(subject, 'registry-failed', `${host} answered with status ${status}${said}`);
}

/** The registry's own error, with what its mirrors, asked before it, said. */
export function withMirrors(error: SealosError | undefined, mirrors: readonly SealosError[]): SealosError | undefined {
  if (error === undefined || mirrors.length === 0) return error ?? mirrors.at(-1);
  const said = mirrors.map(({ message }) => message.replace(/^cannot .*?: /, '')).join('; ');
  const { code, hint, exitCode, cause } = error;
  return new SealosError(code, `${error.message} (before it, of its mirrors: ${said})`, { hint, exitCode, cause });
}

/** The registry wants a login, or another one. */
export function explainUnauthorized(subject: Subject, login: LoginState): SealosError {
  const again = `'sealos login ${subject.registry}'`;
  if (login.hasCredentials) {
    const who = login.user === undefined ? 'the stored login' : `the login of ${login.user}`;
    return failure(
      subject,
      'registry-wrong-login',
      `${subject.host} does not accept ${who}`,
      `log in again with ${again}; the user may also lack the right`,
    );
  }
  const problem = login.problem === undefined ? '' : ` (${login.problem})`;
  return failure(subject, 'registry-wants-login', `${subject.host} needs a login${problem}`, `log in with ${again}`);
}

/** Nothing under `/v2/`: not a registry. */
export function explainNoRegistry(subject: Subject, status: number): SealosError {
  return failure(
    subject,
    'registry-unreachable',
    `${subject.host} is not a registry: /v2/ is answered with status ${status}`,
    'check the name and the port',
  );
}

// distribution-spec, "Error Codes". Proxies answer with text or HTML: only a short text is worth showing.
async function readErrors(response: HttpResponse): Promise<{ readonly code?: string | undefined; readonly message?: string | undefined }> {
  let text: string;
  try {
    text = (await readBody(response, DOCUMENT_LIMIT)).toString('utf8').trim();
  } catch {
    await discard(response);
    return {};
  }
  try {
    const first = v.parse(document, JSON.parse(text)).errors[0];
    return { code: first?.code, message: first?.message === undefined ? undefined : printable(first.message) };
  } catch {
    return text === '' || text.includes('<') || text.length > 200 ? {} : { message: printable(text) };
  }
}

function printable(text: string): string {
  return text.replace(/[\x00-\x1f\x7f-\x9f]+/g, ' ').slice(0, 200);
}
