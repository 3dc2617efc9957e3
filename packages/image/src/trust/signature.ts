import { type KeyObject, sign, verify } from 'node:crypto';

// cosign signs the SHA-256 of the payload whatever the curve; its later versions take the hash that fits the curve.
const HASHES: Readonly<Record<string, readonly string[]>> = {
  prime256v1: ['sha256'],
  secp384r1: ['sha256', 'sha384'],
  secp521r1: ['sha256', 'sha512'],
};

/** Signs bytes as cosign does: ECDSA in ASN.1 form and RSA PKCS#1 v1.5, both over SHA-256, or Ed25519. */
export function signBytes(payload: Uint8Array, key: KeyObject): Buffer {
  return sign(key.asymmetricKeyType === 'ed25519' ? null : 'sha256', payload, key);
}

/** Whether the key signed these bytes. A signature in another form is none. */
export function isSignedBy(payload: Uint8Array, signature: Uint8Array, key: KeyObject): boolean {
  const hashes = key.asymmetricKeyType === 'ed25519' ? [null] : (HASHES[key.asymmetricKeyDetails?.namedCurve ?? ''] ?? ['sha256']);
  return hashes.some((hash) => {
    try {
      return verify(hash, payload, key, signature);
    } catch {
      return false;
    }
  });
}
