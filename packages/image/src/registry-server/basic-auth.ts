import { createHash, randomBytes } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { compare } from 'bcryptjs';
import { badInput } from '../error.ts';
import { Refusal } from './answer.ts';

/** Throws a `Refusal` (401) unless a request's `Authorization` header is of someone who may. */
export type Authorize = (header: string | undefined) => Promise<void>;

const BCRYPT = /^([^:\s][^:]*):(\$2[abxy]\$\d\d\$[./A-Za-z0-9]{53})$/;
// Of a password that nobody knows: an unknown user takes as long to refuse as a wrong password.
const NOBODY = '$2b$10$8Jo0lSDxcMG5KFCTQpfJ7.I/jjqJYhRqDQXGyZJvhX6SgjAzf8.9u';
const REMEMBERED = 1000;

/**
 * Basic authentication (RFC 7617) against a file of `USER:BCRYPT` lines, as `htpasswd -B` writes them; other hashes are refused. The file is
 * read again when it changes. Throws bad input when it cannot be read or names nobody.
 */
export async function htpasswdAuthorization(path: string): Promise<Authorize> {
  const key = randomBytes(16);
  let users = await readUsers(path);
  let seen = await stamp(path);
  // bcrypt is slow on purpose, and a push sends hundreds of requests: a login that was right is not hashed again.
  let known = new Set<string>();
  return async (header) => {
    const refused = new Refusal(401, 'UNAUTHORIZED', 'a login is needed', { 'www-authenticate': 'Basic realm="sealos registry"' });
    const now = await stamp(path);
    if (now !== seen) {
      // A file that is gone or broken lets nobody in.
      users = await readUsers(path).catch(() => new Map());
      seen = now;
      known = new Set();
    }
    const encoded = /^basic +([A-Za-z0-9+/=]+)$/i.exec(header ?? '')?.[1];
    if (encoded === undefined) throw refused;
    const token = createHash('sha256').update(key).update(encoded).digest('base64');
    if (known.has(token)) return;
    const [user = '', ...rest] = Buffer.from(encoded, 'base64').toString('utf8').split(':');
    const hash = users.get(user);
    const isRight = await compare(rest.join(':'), hash ?? NOBODY);
    if (hash === undefined || !isRight || users.get(user) !== hash) throw refused;
    if (known.size >= REMEMBERED) known = new Set();
    known.add(token);
  };
}

async function stamp(path: string): Promise<string> {
  const found = await stat(path, { bigint: true }).catch(() => undefined);
  return found === undefined ? '' : `${found.ino} ${found.size} ${found.mtimeNs}`;
}

async function readUsers(path: string): Promise<ReadonlyMap<string, string>> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw badInput('bad-htpasswd', `cannot read ${path}: ${error instanceof Error ? error.message : String(error)}`);
  });
  const users = new Map<string, string>();
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const [, user, hash] = BCRYPT.exec(line.trim()) ?? [];
    if (user === undefined || hash === undefined) {
      throw badInput('bad-htpasswd', `${path}:${index + 1}: it is not USER:HASH with a bcrypt hash`, `'htpasswd -B' makes them`);
    }
    users.set(user, hash);
  }
  if (users.size === 0) throw badInput('bad-htpasswd', `${path} names no user`, `'htpasswd -B' makes them`);
  return users;
}
