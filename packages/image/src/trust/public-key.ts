import { createPublicKey, type KeyObject } from 'node:crypto';
import { badInput } from '../error.ts';

/** Reads a public key: any SPKI or PKCS#1 PEM of ECDSA (P-256, P-384, P-521), Ed25519 or RSA from 2048 bits. Throws `bad-key` (exit 2). */
export function readPublicKey(pem: string | Buffer, what: string): KeyObject {
  const text = pem.toString();
  // createPublicKey would derive one from a private key: whoever names that file here has mixed them up.
  if (/PRIVATE KEY-----/.test(text)) throw badInput('bad-key', `${what} holds a private key`, 'verify with the public one');
  try {
    return usableKey(createPublicKey(text), what);
  } catch (error) {
    throw notAKey(error, what, 'public');
  }
}

/** The error for a file that is no such key; one of ours passes. */
export function notAKey(error: unknown, what: string, kind: 'private' | 'public'): unknown {
  if (error instanceof Error && 'exitCode' in error) return error;
  return badInput('bad-key', `${what} is not a ${kind} key in PEM`, "'sealos sign --generate-key-pair' makes a pair");
}

/** Refuses keys of kinds and sizes that are not used for images (`bad-key`). */
export function usableKey(key: KeyObject, what: string): KeyObject {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  if (type === 'ed25519') return key;
  if (type === 'ec' && ['prime256v1', 'secp384r1', 'secp521r1'].includes(details?.namedCurve ?? '')) return key;
  if (type === 'rsa' && (details?.modulusLength ?? 0) >= 2048) return key;
  throw badInput(
    'bad-key',
    `${what} holds a key of a kind that is not used for images (${details?.namedCurve ?? type})`,
    'use ECDSA on P-256',
  );
}
