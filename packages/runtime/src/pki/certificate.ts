import { createHash, createPublicKey, generateKeyPair, type KeyObject, randomBytes, sign, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { promisify } from 'node:util';
import { canonicalIp } from '../address-list.ts';
import * as der from './der.ts';

/** What a certificate says, before it has a key and an issuer. */
export interface CertificateProfile {
  readonly commonName: string;
  readonly organizations?: readonly string[];
  readonly usages: readonly ('server' | 'client')[];
  /** DNS names and IP addresses. */
  readonly sans: readonly string[];
}

export interface KeyPair {
  /** PEM. */
  readonly cert: string;
  readonly key: KeyObject;
}

/** What signs a certificate. */
interface Issuer {
  /** The authority's name exactly as its own certificate encodes it: verifiers compare the bytes. */
  readonly name: Buffer;
  readonly key: KeyObject;
  readonly keyId: Buffer;
  readonly notAfter: Date;
}

const generate = promisify(generateKeyPair);
/** 100 years as sealos counts them. */
const validity = 876_000 * 3_600_000;
/** A host whose clock is this much behind must not find a certificate that is not yet valid. */
const backdate = 5 * 60_000;

export const oid = {
  commonName: '2.5.4.3',
  organization: '2.5.4.10',
  sha256WithRsa: '1.2.840.113549.1.1.11',
  sha256WithEcdsa: '1.2.840.10045.4.3.2',
  subjectKeyId: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKeyId: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  server: '1.3.6.1.5.5.7.3.1',
  client: '1.3.6.1.5.5.7.3.2',
} as const;

/** A new RSA key of 2048 bits, as kubeadm makes them; runs outside the main thread, so several are made at once. */
export async function generateKey(): Promise<KeyObject> {
  return (await generate('rsa', { modulusLength: 2048 })).privateKey;
}

/** A certificate authority that signs itself. Its name is among its DNS names, as kubeadm writes it. */
export function issueCa(commonName: string, key: KeyObject, now = new Date()): KeyPair {
  const extensions = [
    // digitalSignature, keyEncipherment, keyCertSign
    extension(oid.keyUsage, true, der.bitString(Buffer.of(0b10100100), 2)),
    extension(oid.basicConstraints, true, der.sequence(der.boolean(true))),
    extension(oid.subjectKeyId, false, der.octetString(keyId(key))),
    extension(oid.subjectAltName, false, alternativeNames([commonName])),
  ];
  const name = distinguishedName(commonName);
  const issuer = { name, key, keyId: keyId(key), notAfter: new Date(now.getTime() + validity) };
  return { key, cert: signed(name, key, issuer, extensions, now) };
}

/** A certificate signed by an authority; it ends after 100 years or with its authority. */
export function issueCertificate(profile: CertificateProfile, key: KeyObject, authority: KeyPair, now = new Date()): KeyPair {
  const issuer = issuerOf(authority);
  const extensions = [
    // digitalSignature, keyEncipherment
    extension(oid.keyUsage, true, der.bitString(Buffer.of(0b10100000), 5)),
    extension(oid.extendedKeyUsage, false, der.sequence(...profile.usages.map((usage) => der.objectId(oid[usage])))),
    extension(oid.basicConstraints, true, der.sequence()),
    extension(oid.authorityKeyId, false, der.sequence(der.implicit(0, issuer.keyId))),
    ...(profile.sans.length > 0 ? [extension(oid.subjectAltName, false, alternativeNames(profile.sans))] : []),
  ];
  return { key, cert: signed(distinguishedName(profile.commonName, profile.organizations), key, issuer, extensions, now) };
}

/** A private key as kubeadm writes it: PEM, PKCS#1 for RSA and SEC 1 for elliptic curves. */
export function privateKeyPem(key: KeyObject): string {
  return key.export({ type: key.asymmetricKeyType === 'ec' ? 'sec1' : 'pkcs1', format: 'pem' }).toString();
}

/** SHA-256 of a certificate's public key (SubjectPublicKeyInfo), as `kubeadm join --discovery-token-ca-cert-hash` takes it. */
export function publicKeyHash(key: KeyObject): string {
  return `sha256:${createHash('sha256').update(publicKeyDer(key)).digest('hex')}`;
}

/** RFC 5280 4.1: the part that is signed, how, and the signature. */
function signed(subject: Buffer, key: KeyObject, issuer: Issuer, extensions: readonly Buffer[], now: Date): string {
  const algorithm =
    issuer.key.asymmetricKeyType === 'ec'
      ? der.sequence(der.objectId(oid.sha256WithEcdsa))
      : der.sequence(der.objectId(oid.sha256WithRsa), der.nothing());
  const notAfter = new Date(Math.min(now.getTime() + validity, issuer.notAfter.getTime()));
  const body = der.sequence(
    der.explicit(0, der.integer(Buffer.of(2))),
    der.integer(serialNumber()),
    algorithm,
    issuer.name,
    der.sequence(der.time(new Date(now.getTime() - backdate)), der.time(notAfter)),
    subject,
    publicKeyDer(key),
    der.explicit(3, der.sequence(...extensions)),
  );
  const certificate = der.sequence(body, algorithm, der.bitString(sign('sha256', body, issuer.key)));
  const lines = certificate.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

/** An authority's name and key id as they are written in its certificate, which another tool may have made. */
function issuerOf({ cert, key }: KeyPair): Issuer {
  const parsed = new X509Certificate(cert);
  const [body = Buffer.alloc(0)] = der.elements(parsed.raw);
  // RFC 5280 4.1: version, serial number, algorithm, issuer, validity, subject, public key, …, extensions
  const fields = der.elements(body);
  const subject = fields[5];
  if (subject === undefined) throw new RangeError('a certificate without a subject');
  const wrapped = fields.at(-1);
  const extensions = wrapped?.[0] === 0xa3 ? der.elements(der.elements(wrapped)[0] ?? wrapped) : [];
  const subjectKeyId = extensions
    .map((one) => der.elements(one))
    .find(([type]) => type?.equals(der.objectId(oid.subjectKeyId)))
    ?.at(-1);
  return {
    name: subject,
    key,
    keyId: subjectKeyId === undefined ? keyId(key) : der.content(der.content(subjectKeyId)),
    notAfter: new Date(parsed.validTo),
  };
}

/** 63 random bits, never zero: a positive number that fits the signed 64 bits that some tools keep it in. */
function serialNumber(): Buffer {
  const bytes = randomBytes(8);
  bytes.writeUInt8((bytes.readUInt8(0) & 0x3f) | 0x40, 0);
  return bytes;
}

function distinguishedName(commonName: string, organizations: readonly string[] = []): Buffer {
  const attribute = (type: string, value: string) => der.set(der.sequence(der.objectId(type), der.utf8String(value)));
  return der.sequence(...organizations.map((one) => attribute(oid.organization, one)), attribute(oid.commonName, commonName));
}

function extension(type: string, critical: boolean, value: Buffer): Buffer {
  return der.sequence(der.objectId(type), ...(critical ? [der.boolean(true)] : []), der.octetString(value));
}

/** RFC 5280 4.2.1.6: [2] is a DNS name, [7] the bytes of an address. */
function alternativeNames(names: readonly string[]): Buffer {
  return der.sequence(
    ...names.map((name) => (isIP(name) === 0 ? der.implicit(2, Buffer.from(name)) : der.implicit(7, der.addressBytes(canonicalIp(name))))),
  );
}

function publicKeyDer(key: KeyObject): Buffer {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key;
  return publicKey.export({ type: 'spki', format: 'der' });
}

/** RFC 5280 4.2.1.2: SHA-1 of the public key's bits, without the count of unused ones. */
function keyId(key: KeyObject): Buffer {
  const bits = der.elements(publicKeyDer(key))[1] ?? Buffer.alloc(0);
  return createHash('sha1').update(der.content(bits).subarray(1)).digest();
}
