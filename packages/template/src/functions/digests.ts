// sprig: encodings, hashes, encryption, random text. Left out: bcrypt and htpasswd (slow by design), genPrivateKey and the gen…Cert family (keys do not belong in templates).
import { createCipheriv, createDecipheriv, createHash, randomBytes, randomInt, randomUUID } from 'node:crypto';
import { FunctionError } from '../error.ts';
import { type Context, type FunctionMap, fn } from '../function.ts';
import { fromBytes, toBytes } from '../utf8.ts';
import { int } from '../value.ts';

const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';
const DIGITS = '0123456789';
const ASCII = Array.from({ length: 95 }, (_, index) => String.fromCharCode(32 + index)).join('');
const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const BASE64 = /^[A-Za-z0-9+/]$/;

function digest(algorithm: string) {
  return fn(['string'], (text) => createHash(algorithm).update(toBytes(text)).digest('hex'));
}

function adler32(text: string): string {
  let a = 1;
  let b = 0;
  for (const byte of toBytes(text)) {
    a = (a + byte) % 65521;
    b = (b + a) % 65521;
  }
  return String(b * 65536 + a);
}

// The place of the first byte that Go's decoder refuses, or undefined where the text is good. Line ends are skipped.
function firstCorrupt(
  text: string,
  group: number,
  isDigit: (character: string) => boolean,
  paddings: readonly number[],
): number | undefined {
  const places = Array.from(text.matchAll(/[^\r\n]/gs), (match) => match.index);
  const digits = places.findIndex((place) => !isDigit(text.charAt(place)));
  const count = digits < 0 ? places.length : digits;
  const padding = places.length - count;
  const rest = count % group;
  if (padding === 0) return rest === 0 ? undefined : (places[count - rest] ?? 0);
  const wanted = rest === 0 ? 0 : group - rest;
  const start = places[count] ?? 0;
  if (text.charAt(start) !== '=' || !paddings.includes(wanted)) return start;
  for (let index = 0; index < padding; index++) {
    const place = places[count + index] ?? 0;
    if (index >= wanted) return place;
    // Go's base64 names the padding before the stray character, its base32 the character.
    if (text.charAt(place) !== '=') return group === 4 ? place - 1 : place;
  }
  return padding < wanted ? text.length : undefined;
}

function decodeBase64(text: string): string {
  const corrupt = firstCorrupt(text, 4, (character) => BASE64.test(character), [1, 2]);
  if (corrupt !== undefined) return `illegal base64 data at input byte ${corrupt}`;
  return fromBytes(Buffer.from(text.replace(/[\r\n]/g, ''), 'base64'));
}

function encodeBase32(text: string): string {
  const bytes = toBytes(text);
  let out = '';
  for (let start = 0; start < bytes.length; start += 5) {
    const group = bytes.subarray(start, start + 5);
    let bits = 0n;
    for (let index = 0; index < 5; index++) bits = (bits << 8n) | BigInt(group[index] ?? 0);
    const used = Math.ceil((group.length * 8) / 5);
    for (let index = 0; index < 8; index++) out += index < used ? BASE32.charAt(Number((bits >> BigInt(35 - 5 * index)) & 31n)) : '=';
  }
  return out;
}

function decodeBase32(text: string): string {
  const corrupt = firstCorrupt(text, 8, (character) => BASE32.includes(character), [1, 3, 4, 6]);
  if (corrupt !== undefined) return `illegal base32 data at input byte ${corrupt}`;
  const bytes: number[] = [];
  let bits = 0;
  let count = 0;
  for (const character of text.replace(/[\r\n=]/g, '')) {
    bits = ((bits << 5) | BASE32.indexOf(character)) & 0xfff;
    count += 5;
    if (count < 8) continue;
    count -= 8;
    bytes.push((bits >> count) & 0xff);
  }
  return fromBytes(Uint8Array.from(bytes));
}

// sprig's AES: the password, cut or padded with zeros to 32 bytes, is the key; the IV stands before the text.
function aesKey(password: string): Buffer {
  const key = Buffer.alloc(32);
  toBytes(password).copy(key, 0, 0, 32);
  return key;
}

function encryptAes(password: string, plaintext: string): string {
  const iv = randomBytes(16);
  const cipher = createCipheriv('aes-256-cbc', aesKey(password), iv);
  return Buffer.concat([iv, cipher.update(toBytes(plaintext)), cipher.final()]).toString('base64');
}

function decryptAes(password: string, encoded: string): string {
  const bytes = Buffer.from(encoded, 'base64');
  try {
    const decipher = createDecipheriv('aes-256-cbc', aesKey(password), bytes.subarray(0, 16));
    return fromBytes(Buffer.concat([decipher.update(bytes.subarray(16)), decipher.final()]));
  } catch {
    throw new FunctionError('the text cannot be decrypted with this password');
  }
}

function randomText(alphabet: string) {
  return fn(['int'], (count, { budget }: Context) => {
    if (count < 0) throw new FunctionError('a count is negative');
    budget.text(count * 16);
    return Array.from({ length: count }, () => alphabet.charAt(randomInt(alphabet.length))).join('');
  });
}

export const digestFunctions: FunctionMap = {
  sha1sum: digest('sha1'),
  sha256sum: digest('sha256'),
  sha512sum: digest('sha512'),
  adler32sum: fn(['string'], adler32),
  b64enc: fn(['string'], (text) => toBytes(text).toString('base64')),
  b64dec: fn(['string'], decodeBase64),
  b32enc: fn(['string'], encodeBase32),
  b32dec: fn(['string'], decodeBase32),
  encryptAES: fn(['string', 'string'], encryptAes),
  decryptAES: fn(['string', 'string'], decryptAes),
  randAlphaNum: randomText(LETTERS + DIGITS),
  randAlpha: randomText(LETTERS),
  randNumeric: randomText(DIGITS),
  randAscii: randomText(ASCII),
  randBytes: fn(['int'], (count, { budget }) => {
    if (count < 0) throw new FunctionError('runtime error: makeslice: len out of range');
    budget.text(count * 2);
    return randomBytes(count).toString('base64');
  }),
  randInt: fn(['int', 'int'], (least, limit) => {
    if (limit <= least || limit - least > 2 ** 47) throw new FunctionError('invalid argument to Intn');
    return int(least + randomInt(limit - least));
  }),
  uuidv4: fn([], () => randomUUID()),
};
