import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { appendFile, chmod, mkdir, readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { HostError } from '../error.ts';
import type { Address } from './host.ts';

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
export function knownHostsFiles(file?: string): readonly string[] {
  return file === undefined ? [join(homedir(), '.ssh', 'known_hosts'), '/etc/ssh/ssh_known_hosts'] : [file];
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
        throw error;
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
 * Compares a host's key with the known ones. A host that is not known yet is recorded in the first file; a key that differs, or is
 * revoked, is refused with the line that says so.
 */
export async function verifyHostKey(address: Address, key: Buffer, files: readonly string[]): Promise<void> {
  const name = knownHostsName(address);
  const encoded = key.toString('base64');
  const known = (await readKnown(files)).filter(({ patterns }) => matchesName(patterns, name));
  const refuse = (why: string, { file, line }: KnownKey) =>
    new HostError('host-key', `${why} (${file}:${line}); it shows ${keyType(key)} ${fingerprint(key)}`, {
      host: name,
      exitCode: 2,
      hint: `if the host was installed anew, remove the old key with: ssh-keygen -R '${name}' -f ${file}; if not, somebody may be in between`,
    });
  const revoked = known.find(({ marker, key: other }) => marker === '@revoked' && other === encoded);
  if (revoked) throw refuse('its key is revoked', revoked);
  const keys = known.filter(({ marker }) => marker === '');
  if (keys.some(({ key: other }) => other === encoded)) return;
  const [changed] = keys;
  if (changed) throw refuse('its key is not the one that is known', changed);
  const [file] = files;
  if (file === undefined) return;
  const line = `${name} ${keyType(key)} ${encoded}\n`;
  appending = appending.then(() => record(file, line));
  await appending;
}

async function record(file: string, line: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const before = await readFile(file, 'utf8').catch(() => undefined);
  // One write in append mode: two processes do not mix their lines.
  await appendFile(file, before === undefined || before === '' || before.endsWith('\n') ? line : `\n${line}`, { mode: 0o600 });
  if (before === undefined) await chmod(file, 0o600);
}
