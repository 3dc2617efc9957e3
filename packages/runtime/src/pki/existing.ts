import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { SealosError } from '@sealos/image';
import { canonicalIp } from '../address-list.ts';
import { readIfThere } from '../state/private-file.ts';
import type { CertificateProfile, KeyPair } from './certificate.ts';

/** A certificate that ends sooner than this is made anew, milliseconds. */
const renewBefore = 30 * 24 * 3_600_000;

const usageIds = { server: '1.3.6.1.5.5.7.3.1', client: '1.3.6.1.5.5.7.3.2' } as const;

/** Whether a certificate may be kept: of this authority, with this subject, use and names, and not about to end. */
export function certificateFits(
  pair: KeyPair,
  profile: CertificateProfile,
  required: readonly string[],
  authority: KeyPair,
  now = new Date(),
): boolean {
  try {
    const certificate = new X509Certificate(pair.cert);
    const ca = new X509Certificate(authority.cert);
    const subject = [...(profile.organizations ?? []).map((one) => `O=${one}`), `CN=${profile.commonName}`];
    return (
      certificate.checkIssued(ca) &&
      certificate.verify(ca.publicKey) &&
      certificate.checkPrivateKey(pair.key) &&
      certificate.subject.split('\n').sort().join('\n') === subject.sort().join('\n') &&
      profile.usages.every((usage) => certificate.keyUsage?.includes(usageIds[usage])) &&
      required.every((name) => covers(certificate, name)) &&
      certificate.validToDate.getTime() > Math.min(now.getTime() + renewBefore, ca.validToDate.getTime() - 1)
    );
  } catch {
    // What cannot be parsed does not fit.
    return false;
  }
}

/** A certificate and its key, or undefined where either is missing or cannot be read as one. */
export async function readPair(path: string): Promise<KeyPair | undefined> {
  const [cert, key] = await Promise.all([readIfThere(`${path}.crt`), readKey(`${path}.key`)]);
  return cert === undefined || key === undefined ? undefined : { cert, key };
}

/** The key that signs service accounts' tokens, or undefined where there is none yet. Throws where it is broken: pods hold tokens made with it. */
export async function readServiceAccountKey(path: string): Promise<KeyObject | undefined> {
  const key = await readKey(path);
  if (key === undefined && (await readIfThere(path)) !== undefined) throw unusable(path, 'is not a private key');
  return key;
}

/** A private key in PEM, or undefined where there is none or it is broken. */
async function readKey(path: string): Promise<KeyObject | undefined> {
  const text = await readIfThere(path);
  try {
    return text === undefined ? undefined : createPrivateKey(text);
  } catch {
    return undefined;
  }
}

/**
 * An authority as it lies on the disk. `key` alone: its certificate was lost or never written, and can be made again. Throws where
 * there is a certificate that cannot be used: to replace an authority would cut off every host that trusts it.
 */
export async function readAuthority(path: string): Promise<{ readonly key: KeyObject; readonly cert?: string } | undefined> {
  const [cert, keyText, key] = await Promise.all([readIfThere(`${path}.crt`), readIfThere(`${path}.key`), readKey(`${path}.key`)]);
  if (cert === undefined && keyText === undefined) return undefined;
  if (key === undefined)
    throw unusable(`${path}.key`, keyText === undefined ? 'is missing beside its certificate' : 'is not a private key');
  if (cert === undefined) return { key };
  let parsed: X509Certificate;
  try {
    parsed = new X509Certificate(cert);
  } catch (cause) {
    throw unusable(`${path}.crt`, 'is not a certificate', cause);
  }
  if (!parsed.ca) throw unusable(`${path}.crt`, 'is not a certificate authority');
  if (!parsed.checkPrivateKey(key)) throw unusable(`${path}.key`, 'does not belong to its certificate');
  if (parsed.validToDate.getTime() < Date.now()) throw unusable(`${path}.crt`, `ended on ${parsed.validTo}`);
  return { key, cert };
}

/** DNS names and canonical addresses that a certificate (PEM) is for; none where it cannot be read. */
export function namesOf(pem: string): readonly string[] {
  try {
    const names = new X509Certificate(pem).subjectAltName?.split(', ') ?? [];
    return names.flatMap((name) => {
      const [, kind, value = ''] = /^(DNS|IP Address):(.+)$/.exec(name) ?? [];
      if (kind === undefined) return [];
      return [kind === 'DNS' ? value : canonicalIp(value)];
    });
  } catch {
    return [];
  }
}

/** Whether a certificate is for a DNS name or an address; its common name does not count. */
export function covers(certificate: X509Certificate, name: string): boolean {
  if (isIP(name) !== 0) return certificate.checkIP(name) !== undefined;
  // A name with a wildcard is one that a certificate holds, and none that a server is asked for.
  return certificate.checkHost(name, { subject: 'never' }) !== undefined || namesOf(certificate.toString()).includes(name);
}

function unusable(path: string, why: string, cause?: unknown): SealosError {
  return new SealosError('bad-pki', `${path} ${why}`, {
    hint: 'restore it from a backup; it is never replaced, because the whole cluster trusts it',
    exitCode: 2,
    cause,
  });
}
