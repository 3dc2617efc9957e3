import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { mkdir, open, readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { SealosError } from '@sealos/image';
import { HostError } from '../error.ts';
import type { Address } from './host.ts';
import { hostName } from './host-name.ts';

/** A host whose key is not known: recorded at the first contact, or refused. */
export type HostKeyPolicy = 'accept-new' | 'strict';

/** One line of a known_hosts file (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT). */
interface KnownKey {
  readonly file: string;
  readonly line: number;
  readonly marker: '' | '@revoked' | '@cert-authority';
  readonly patterns: string;
  readonly type: string;
  readonly key: string;
}

/** Where keys are looked up, and the file that new ones are written to (the first). */
export function knownHostsFiles(given?: string | readonly string[]): readonly string[] {
  if (given === undefined) return [join(homedir(), '.ssh', 'known_hosts'), '/etc/ssh/ssh_known_hosts'];
  return typeof given === 'string' ? [given] : given;
}

function parseFile(file: string, text: string): readonly KnownKey[] {
  return text.split('\n').flatMap((content, index): KnownKey[] => {
    const words = content.trim().split(/\s+/);
    const marker = words[0]?.startsWith('@') ? words.shift() : '';
    const [patterns, type, key] = words;
    if (!patterns || patterns.startsWith('#') || !type || !key) return [];
    if (marker !== '' && marker !== '@revoked' && marker !== '@cert-authority') return [];
    return [{ file, line: index + 1, marker, patterns, type, key }];
  });
}

async function readKnown(files: readonly string[]): Promise<readonly KnownKey[]> {
  const texts = await Promise.all(
    files.map(async (file) => {
      const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return '';
        throw unusable(file, 'read', error);
      });
      return parseFile(file, text);
    }),
  );
  return texts.flat();
}

/** The name a host has in known_hosts: the address, with its port in brackets where it is not 22. */
export function knownHostsName({ ip, port }: Address): string {
  return port === 22 ? ip : `[${ip}]:${port}`;
}

function unusable(file: string, what: 'read' | 'written', error: NodeJS.ErrnoException): SealosError {
  return new SealosError('known-hosts', `${file}, the file of known hosts, cannot be ${what} (${error.code ?? error.message})`, {
    exitCode: 2,
    cause: error,
    hint: 'name another file with --known-hosts',
  });
}

/** `|1|SALT|HASH`, both base64: HMAC-SHA1 of the name with the salt as key (OpenSSH's HashKnownHosts). */
function matchesHashed(pattern: string, name: string): boolean {
  const [, version, salt, hash] = pattern.split('|');
  if (version !== '1' || !salt || !hash) return false;
  const expected = Buffer.from(hash, 'base64');
  const actual = createHmac('sha1', Buffer.from(salt, 'base64')).update(name).digest();
  return expected.length === actual.length && timingSafeEqual(expected, actual);
}

function matchesWildcard(pattern: string, name: string): boolean {
  const source = pattern
    .replaceAll(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`, 'i').test(name);
}

function matchesName(patterns: string, name: string): boolean {
  if (patterns.startsWith('|')) return matchesHashed(patterns, name);
  let found = false;
  for (const pattern of patterns.split(',')) {
    if (pattern.startsWith('!') && matchesWildcard(pattern.slice(1), name)) return false;
    if (matchesWildcard(pattern, name)) found = true;
  }
  return found;
}

/** The type of a public key in SSH's wire format: its first string (RFC 4253, 6.6). */
function keyType(key: Buffer): string {
  return key.subarray(4, 4 + key.readUInt32BE(0)).toString('latin1');
}

/** `SHA256:…` as ssh-keygen prints it. */
export function fingerprint(key: Buffer): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
}

/** Types of the keys that are known for a host: they are asked for first, so that a host with several shows the one that can be compared. */
export async function knownKeyTypes(address: Address, files: readonly string[]): Promise<readonly string[]> {
  const name = knownHostsName(address);
  return (await readKnown(files)).filter(({ marker, patterns }) => marker === '' && matchesName(patterns, name)).map(({ type }) => type);
}

let appending: Promise<void> = Promise.resolve();

/**
 * Compares a host's key with the known ones. A host that is not known yet is recorded in the first file (`accept-new`) or refused
 * (`strict`). Throws HostError (exit 2), with the line that says otherwise, for a key that differs from those known, also by its kind;
 * for one that is revoked; and where only a certificate authority vouches for the host: its certificates are not understood here, and
 * a bare key in place of one proves nothing.
 */
export async function verifyHostKey(
  address: Address,
  key: Buffer,
  files: readonly string[],
  policy: HostKeyPolicy = 'accept-new',
): Promise<void> {
  const name = knownHostsName(address);
  const encoded = key.toString('base64');
  const shown = `it shows ${keyType(key)} ${fingerprint(key)}`;
  const known = (await readKnown(files)).filter(({ patterns }) => matchesName(patterns, name));
  const refuse = (why: string, hint: string) =>
    new HostError('host-key', why, { host: hostName(address), title: 'connecting', exitCode: 2, hint });

  const revoked = known.find(({ marker, key: other }) => marker === '@revoked' && other === encoded);
  if (revoked)
    throw refuse(`its key is revoked (${revoked.file}:${revoked.line}); ${shown}`, 'do not trust this host until it has another key');
  const keys = known.filter(({ marker }) => marker === '');
  if (keys.some(({ key: other }) => other === encoded)) return;
  const [changed] = keys;
  if (changed) {
    throw refuse(
      `its key is not the one that is known (${changed.file}:${changed.line}); ${shown}`,
      `if the host was installed anew, remove the old key with: ssh-keygen -R '${name}' -f ${changed.file}; if not, somebody may be in between`,
    );
  }
  const authority = known.find(({ marker }) => marker === '@cert-authority');
  if (authority) {
    const where = `${authority.file}:${authority.line}`;
    throw refuse(`a certificate authority vouches for it (${where}), which cannot be checked here; ${shown}`, addKey(address, files[0]));
  }
  if (policy === 'strict') throw refuse(`its key is not known; ${shown}`, addKey(address, files[0]));
  const [file] = files;
  if (file === undefined) return;
  // One after the other, so that all see what those before them left at the end of the file.
  const recorded = appending.then(() => record(file, `${name} ${keyType(key)} ${encoded}\n`));
  appending = recorded.catch(() => {});
  await recorded;
}

function addKey({ ip, port }: Address, file = '~/.ssh/known_hosts'): string {
  return `add its key, and compare it with what the host itself says: ssh-keyscan -p ${port} ${ip} >> ${file}`;
}

/** Appends by one write in append mode, so that lines of several processes do not mix. */
async function record(path: string, line: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await using file = await open(path, 'a+', 0o600);
    const { size } = await file.stat();
    const { buffer, bytesRead } = await file.read(Buffer.alloc(1), 0, 1, Math.max(0, size - 1));
    const isWhole = bytesRead === 0 || buffer.toString() === '\n';
    await file.appendFile(isWhole ? line : `\n${line}`);
  } catch (error) {
    throw unusable(path, 'written', error as NodeJS.ErrnoException);
  }
}
