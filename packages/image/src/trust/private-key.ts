import { createPrivateKey, generateKeyPairSync, type KeyObject, randomBytes, scrypt } from 'node:crypto';
import { promisify } from 'node:util';
import * as v from 'valibot';
import { badInput } from '../error.ts';
import { parseJson } from '../json.ts';
import { notAKey, usableKey } from './public-key.ts';

/** What cosign 2 writes; what cosign 1 wrote is the same under another label. */
const LABEL = 'ENCRYPTED SIGSTORE PRIVATE KEY';
const ENCRYPTED = /-----BEGIN (ENCRYPTED (?:SIGSTORE|COSIGN) PRIVATE KEY)-----\s+([A-Za-z0-9+/=\s]+?)\s*-----END \1-----/;
const MEMORY_LIMIT = 512 * 1024 * 1024;

// Only where a sealed key is at hand: every pull and load reads this file.
const secretbox = async () => (await import('@noble/ciphers/salsa.js')).xsalsa20poly1305;

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(1));
const sealed = v.object({
  kdf: v.object({
    name: v.literal('scrypt'),
    params: v.object({ N: count, r: count, p: v.pipe(count, v.maxValue(16)) }),
    salt: v.string(),
  }),
  cipher: v.object({ name: v.literal('nacl/secretbox'), nonce: v.string() }),
  ciphertext: v.string(),
});

const derive = promisify<string, Buffer, number, { N: number; r: number; p: number; maxmem: number }, Buffer>(scrypt);

/** A new pair of keys as PEM texts: ECDSA on P-256, the private one sealed with the password as cosign does it (scrypt and secretbox). */
export async function generateKeyFiles(password: string): Promise<{ readonly privateKey: string; readonly publicKey: string }> {
  const pair = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const der = pair.privateKey.export({ type: 'pkcs8', format: 'der' });
  const params = { N: 32768, r: 8, p: 1 };
  const salt = randomBytes(32);
  const nonce = randomBytes(24);
  const key = await derive(password, salt, 32, { ...params, maxmem: MEMORY_LIMIT });
  const document = {
    kdf: { name: 'scrypt', params, salt: salt.toString('base64') },
    cipher: { name: 'nacl/secretbox', nonce: nonce.toString('base64') },
    ciphertext: Buffer.from((await secretbox())(key, nonce).encrypt(der)).toString('base64'),
  };
  const lines =
    Buffer.from(JSON.stringify(document))
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return {
    privateKey: `-----BEGIN ${LABEL}-----\n${lines.join('\n')}\n-----END ${LABEL}-----\n`,
    publicKey: pair.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  };
}

/**
 * Reads a private key: cosign's sealed form, PKCS#8 (also encrypted) or SEC1 PEM. The password is asked for only where there is one.
 * `what` names the file. Throws `bad-key`, `wrong-password` (exit 2).
 */
export async function readPrivateKey(pem: string, what: string, password: () => Promise<string>): Promise<KeyObject> {
  const match = ENCRYPTED.exec(pem);
  if (match !== null) return unseal(Buffer.from(match[2] ?? '', 'base64'), what, password);
  if (pem.includes('-----BEGIN PUBLIC KEY-----')) throw badInput('bad-key', `${what} holds a public key`, 'sign with the private one');
  const passphrase = /ENCRYPTED/.test(pem) ? await password() : undefined;
  try {
    return usableKey(createPrivateKey({ key: pem, ...(passphrase === undefined ? {} : { passphrase }) }), what);
  } catch (error) {
    if (passphrase !== undefined && error instanceof Error && 'code' in error && /BAD_DECRYPT|CIPHER/.test(String(error.code)))
      throw wrongPassword(what);
    throw notAKey(error, what, 'private');
  }
}

async function unseal(bytes: Buffer, what: string, password: () => Promise<string>): Promise<KeyObject> {
  const parsed = v.safeParse(sealed, parseJson(bytes, `the key in ${what}`));
  if (!parsed.success) throw badInput('bad-key', `${what} is sealed in a way that is not known here: ${parsed.issues[0].message}`);
  const { kdf, cipher, ciphertext } = parsed.output;
  const { N, r, p } = kdf.params;
  const nonce = Buffer.from(cipher.nonce, 'base64');
  if (nonce.length !== 24 || (N & (N - 1)) !== 0 || N < 2 || 128 * N * r > MEMORY_LIMIT / 2)
    throw badInput('bad-key', `${what} is sealed with parameters that are not accepted (N=${N}, r=${r}, p=${p})`);
  const key = await derive(await password(), Buffer.from(kdf.salt, 'base64'), 32, { N, r, p, maxmem: MEMORY_LIMIT });
  const open = await secretbox();
  let der: Uint8Array;
  try {
    der = open(key, nonce).decrypt(Buffer.from(ciphertext, 'base64'));
  } catch {
    throw wrongPassword(what);
  }
  try {
    return usableKey(createPrivateKey({ key: Buffer.from(der), format: 'der', type: 'pkcs8' }), what);
  } catch (error) {
    throw notAKey(error, what, 'private');
  }
}

function wrongPassword(what: string): Error {
  return badInput(
    'wrong-password',
    `the password does not open ${what}`,
    'give it in SEALOS_KEY_PASSWORD or COSIGN_PASSWORD, in a file with --password-file, or at the prompt',
  );
}
