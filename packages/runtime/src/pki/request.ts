import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { oid } from './certificate.ts';
import * as der from './der.ts';

/** Whom a certificate is asked for, and the key that the asker has. */
export interface CertificateRequest {
  readonly publicKey: KeyObject;
  readonly commonName: string;
  readonly organizations: readonly string[];
}

/**
 * Reads a certificate signing request (RFC 2986, PEM). Undefined where it is something else, its signature is not its own key's, or it is
 * signed otherwise than with SHA-256. What it asks for beside its subject is not read: nobody here gives more.
 */
export function readRequest(pem: string): CertificateRequest | undefined {
  try {
    const [, base64 = ''] = /^-----BEGIN CERTIFICATE REQUEST-----([\sA-Za-z0-9+/=]+)-----END CERTIFICATE REQUEST-----\s*$/.exec(pem) ?? [];
    const [info, algorithm, signature] = der.elements(Buffer.from(base64, 'base64'));
    if (!info || !algorithm || !signature) return undefined;
    const [kind] = der.elements(algorithm);
    if (!kind || ![oid.sha256WithRsa, oid.sha256WithEcdsa].some((known) => kind.equals(der.objectId(known)))) return undefined;
    const [, subject, key] = der.elements(info);
    if (!subject || !key) return undefined;
    const publicKey = createPublicKey({ key, type: 'spki', format: 'der' });
    // The first byte of a bit string counts its unused bits.
    if (!verify('sha256', info, publicKey, der.content(signature).subarray(1))) return undefined;
    const commonNames = valuesOf(subject, oid.commonName);
    const [commonName] = commonNames;
    if (commonName === undefined || commonNames.length > 1) return undefined;
    return { publicKey, commonName, organizations: valuesOf(subject, oid.organization) };
  } catch {
    return undefined;
  }
}

/** RFC 5280 4.1.2.4: a name is a sequence of sets of pairs of a type and a string. */
function valuesOf(name: Buffer, type: string): readonly string[] {
  const wanted = der.objectId(type);
  return der
    .elements(name)
    .flatMap((set) => der.elements(set))
    .flatMap((pair) => {
      const [kind, value] = der.elements(pair);
      return kind?.equals(wanted) && value ? [der.content(value).toString()] : [];
    });
}
