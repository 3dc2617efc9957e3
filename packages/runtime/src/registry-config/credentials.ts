import { randomInt } from 'node:crypto';
import { badInput } from '@sealos/image';
import { compare, hash } from 'bcryptjs';
import type { RegistryConfig } from './registry-config.ts';

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const passwordLength = 24;
const cost = 10;
/** bcrypt hashes no more bytes than this, and says nothing of the rest. */
const bcryptLimit = 72;

/** 24 random letters and digits. */
export function generatePassword(): string {
  return Array.from({ length: passwordLength }, () => alphabet[randomInt(alphabet.length)]).join('');
}

/**
 * The content of an htpasswd file: one line, the password hashed by bcrypt (cost 10). `existing` is returned where it still fits, so
 * that a rerun writes the same bytes. Empty credentials give undefined: no login. Throws bad input for a password too long to hash.
 */
export async function htpasswd(
  { username, password }: Pick<RegistryConfig, 'username' | 'password'>,
  existing?: string | undefined,
): Promise<string | undefined> {
  if (username === '' || password === '') return undefined;
  if (Buffer.byteLength(password) > bcryptLimit) {
    throw badInput('bad-registry-config', `the registry's password is longer than ${bcryptLimit} bytes`, 'choose a shorter one');
  }
  const found = /^([^:\n]*):(\$2[aby]\$\d\d\$[./A-Za-z0-9]{53})\n?$/.exec(existing ?? '');
  if (existing !== undefined && found?.[1] === username && found[2] !== undefined && (await compare(password, found[2]))) return existing;
  // The registry's Go library knows the scheme as 2a; the hash is the same.
  return `${username}:${(await hash(password, cost)).replace(/^\$2b\$/, '$2a$')}\n`;
}

/** The content of a docker `config.json` that logs in to the registry. A secret. */
export function dockerConfig({
  domain,
  port,
  username,
  password,
}: Pick<RegistryConfig, 'domain' | 'port' | 'username' | 'password'>): string {
  const auth = Buffer.from(`${username}:${password}`).toString('base64');
  return `${JSON.stringify({ auths: { [`${domain}:${port}`]: { auth } } }, null, 2)}\n`;
}
