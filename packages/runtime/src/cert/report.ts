import { X509Certificate } from 'node:crypto';
import { namesOf } from '../pki/existing.ts';
import type { AuthorityName } from '../pki/inventory.ts';
import { type FoundCertificate, KUBELET_PKI } from './read-certificates.ts';
import { renewName } from './renewal-names.ts';

/** What is known of one certificate or kubeconfig. */
export interface JudgedCertificate {
  /** The host's name, or `operator` for the files on this machine. */
  readonly host: string;
  /** Absolute on a host, below the cluster's directory on the operator. */
  readonly path: string;
  readonly kind: 'authority' | 'certificate' | 'kubeconfig';
  /** What `--renew` calls it; absent where it renews no such thing. */
  readonly renew?: string;
  /** `CN=…, O=…`. */
  readonly subject: string;
  /** DNS names and addresses. */
  readonly names: readonly string[];
  readonly issuer: string;
  /** RFC 3339, UTC. */
  readonly begins: string;
  readonly ends: string;
  /** Whole days; negative when it has ended. */
  readonly daysLeft: number;
  /** The cluster's authority that signed it; absent where none of them did. */
  readonly authority?: AuthorityName;
  /** Where a kubeconfig leads. */
  readonly server?: string;
  /** What speaks against it, each as half a sentence; empty: all is well. */
  readonly problems: readonly string[];
  /** What is worth knowing and no problem. */
  readonly note?: string;
}

/** The cluster's authorities as the operator, or else its first control plane, has them. */
export type Authorities = ReadonlyMap<AuthorityName, X509Certificate>;

export interface JudgeOptions {
  readonly host: string;
  readonly authorities: Authorities;
  /** Milliseconds before its end in which a certificate counts as ending. */
  readonly within: number;
  /** Names without which an API server's certificate is wrong. */
  readonly apiNames: readonly string[];
  readonly now: Date;
}

const DAY = 24 * 3_600_000;
const AUTHORITY_FILES: Readonly<Record<string, AuthorityName>> = {
  'ca.crt': 'ca',
  'front-proxy-ca.crt': 'front-proxy-ca',
  'etcd/ca.crt': 'etcd/ca',
};

/** The path below the directory of certificates, on a host as on the operator: `etcd/server.crt`. */
function belowPki(path: string): string {
  return path.replace(/^(?:\/etc\/kubernetes\/)?pki\/(?:hosts\/[^/]+\/)?/, '');
}

/** Who ought to have signed what lies at a path. */
function expectedAuthority(path: string): AuthorityName {
  const name = belowPki(path);
  if (name.startsWith('front-proxy-')) return 'front-proxy-ca';
  return name.startsWith('etcd/') || name === 'apiserver-etcd-client.crt' ? 'etcd/ca' : 'ca';
}

/** What is to be said of one certificate that was found. Pure. */
export function judgeCertificate(found: FoundCertificate, options: JudgeOptions): JudgedCertificate {
  const { host, now } = options;
  const { path } = found;
  const renew = renewName(path);
  const isAuthority = AUTHORITY_FILES[belowPki(path)] !== undefined;
  const basis = {
    host,
    path,
    kind: isAuthority ? ('authority' as const) : found.kind,
    ...(renew === undefined ? {} : { renew }),
    ...(found.server === undefined ? {} : { server: found.server }),
  };
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(found.pem);
  } catch {
    const problems = ['cannot be read as a certificate'];
    return { ...basis, subject: '', names: [], issuer: '', begins: '', ends: '', daysLeft: 0, problems };
  }
  const authority = signerOf(certificate, options.authorities);
  const ofKubelet = path === `${KUBELET_PKI}/kubelet.crt` && authority === undefined;
  return {
    ...basis,
    subject: oneLine(certificate.subject),
    names: namesOf(found.pem),
    issuer: oneLine(certificate.issuer),
    begins: stamp(certificate.validFromDate),
    ends: stamp(certificate.validToDate),
    daysLeft: Math.floor((certificate.validToDate.getTime() - now.getTime()) / DAY),
    ...(authority === undefined ? {} : { authority }),
    problems: ofKubelet ? [] : problemsOf(found, certificate, authority, options),
    ...(ofKubelet ? { note: 'made by the kubelet for itself; nothing checks it' } : {}),
  };
}

function problemsOf(
  found: FoundCertificate,
  certificate: X509Certificate,
  authority: AuthorityName | undefined,
  { authorities, within, apiNames, now }: JudgeOptions,
): readonly string[] {
  const name = belowPki(found.path);
  const problems: string[] = [];
  const left = certificate.validToDate.getTime() - now.getTime();
  if (left <= 0) problems.push(`ended on ${stamp(certificate.validToDate)}`);
  else if (left <= within) problems.push(`ends in ${howLong(left)}`);
  if (certificate.validFromDate > now) problems.push(`not valid before ${stamp(certificate.validFromDate)}`);

  const own = AUTHORITY_FILES[name];
  const expected = own ?? expectedAuthority(found.path);
  const known = authorities.get(expected);
  if (own !== undefined) {
    if (known && known.fingerprint256 !== certificate.fingerprint256) problems.push(`another authority than the cluster's ${own}`);
  } else if (known && authority !== expected) problems.push(`not signed by the cluster's ${expected}`);
  if (found.hasOwnKey === false) problems.push('its key is another');
  if (found.trusts !== undefined && known && !sameCertificate(found.trusts, known)) problems.push('trusts another authority');
  if (name === 'apiserver.crt') {
    const names = namesOf(found.pem);
    const missing = apiNames.filter((one) => !names.includes(one));
    if (missing.length > 0) problems.push(`does not name ${missing.join(', ')}`);
  }
  return problems;
}

function signerOf(certificate: X509Certificate, authorities: Authorities): AuthorityName | undefined {
  for (const [name, authority] of authorities) {
    if (certificate.checkIssued(authority) && certificate.verify(authority.publicKey)) return name;
  }
  return undefined;
}

function sameCertificate(pem: string, other: X509Certificate): boolean {
  try {
    return new X509Certificate(pem).fingerprint256 === other.fingerprint256;
  } catch {
    return false;
  }
}

const oneLine = (name: string) => name.split('\n').toReversed().join(', ');
const stamp = (date: Date) => date.toISOString().replace(/\.\d+Z$/, 'Z');

function howLong(milliseconds: number): string {
  const days = Math.floor(milliseconds / DAY);
  if (days > 1) return `${days} days`;
  return `${Math.max(1, Math.floor(milliseconds / 3_600_000))} h`;
}
