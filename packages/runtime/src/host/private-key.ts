import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import ssh2 from 'ssh2';
import { HostError } from '../error.ts';

/** A private key as it was read; its text is parsed when it is used. */
export interface PrivateKey {
  /** Its path, or words, in errors. */
  readonly name: string;
  readonly content: Buffer | string;
}

export interface KeyProblem {
  readonly kind: 'locked' | 'wrong-passphrase' | 'not-a-key';
  readonly cause: Error | undefined;
}

/** What keeps a key from being used with this passphrase, or undefined. */
export function keyProblem({ content }: PrivateKey, passphrase: string | undefined): KeyProblem | undefined {
  const parsed = ssh2.utils.parseKey(content, passphrase);
  if (!(parsed instanceof Error)) return parsed.isPrivateKey() ? undefined : { kind: 'not-a-key', cause: undefined };
  // ssh2 has one class of error for all; these are its messages for each format of keys.
  const encrypted = /no passphrase|passphrase|integrity check failed|bad decrypt|unable to decrypt|invalid privatekey|BAD_DECRYPT/i.test(
    parsed.message,
  );
  if (encrypted && /ENCRYPTED|bcrypt|aes(128|192|256)-/.test(readableForm(content))) {
    return { kind: passphrase === undefined ? 'locked' : 'wrong-passphrase', cause: parsed };
  }
  return { kind: 'not-a-key', cause: parsed };
}

/** The body of a key in OpenSSH's own format (PROTOCOL.key), or undefined. */
function opensshBody(content: Buffer | string): Buffer | undefined {
  const body = /-----BEGIN OPENSSH PRIVATE KEY-----(.*)-----END/s.exec(content.toString())?.[1];
  return body === undefined ? undefined : Buffer.from(body, 'base64');
}

/** The key's text, with the names inside OpenSSH's own format (cipher and kdf) made visible. */
function readableForm(content: Buffer | string): string {
  return opensshBody(content)?.subarray(0, 100).toString('latin1') ?? content.toString();
}

const MAGIC = 'openssh-key-v1\0';

/** The public half of a key that is locked, in SSH's wire format: OpenSSH's own format shows it, other formats have it in the `.pub` file beside. */
export async function publicHalf({ name, content }: PrivateKey): Promise<Buffer | undefined> {
  const body = opensshBody(content);
  if (body?.toString('latin1', 0, MAGIC.length) === MAGIC) {
    // PROTOCOL.key: cipher, kdf, its options, a count, the public key.
    let at = MAGIC.length;
    for (let skipped = 0; skipped < 3 && at + 4 <= body.length; skipped += 1) at += 4 + body.readUInt32BE(at);
    at += 4;
    return at + 4 <= body.length ? body.subarray(at + 4, at + 4 + body.readUInt32BE(at)) : undefined;
  }
  const text = await readFile(`${name}.pub`).catch(() => undefined);
  const parsed = text && ssh2.utils.parseKey(text);
  return parsed === undefined || parsed instanceof Error ? undefined : parsed.getPublicSSH();
}

/** Reads a key that a user named (`~` is the home directory). Throws HostError (exit 2). */
export async function readNamedKey(host: string, file: string): Promise<PrivateKey> {
  const name = file.replace(/^~(?=\/)/, homedir());
  try {
    return { name, content: await readFile(name) };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : String(error);
    const why = { ENOENT: 'there is no such file', EACCES: 'permission denied', EISDIR: 'it is a directory' }[String(code)] ?? code;
    throw new HostError('bad-key', `the private key ${name} cannot be read: ${why}`, {
      host,
      exitCode: 2,
      cause: error,
      hint: 'name the file of the private key with -i; a password is given with -p',
    });
  }
}

/** The error for a key that was named and cannot be used (exit 2). */
export function badKey(host: string, { name }: PrivateKey, { kind, cause }: KeyProblem): HostError {
  const details = { host, exitCode: 2 as const, cause };
  if (kind === 'locked') {
    return new HostError('bad-key', `the private key ${name} is protected by a passphrase`, {
      ...details,
      hint: 'give the passphrase with --pk-passwd (asks for it), --pk-passwd-file or SEALOS_PK_PASSWD, or add the key to an SSH agent',
    });
  }
  if (kind === 'wrong-passphrase') return new HostError('bad-key', `the passphrase of the private key ${name} is wrong`, details);
  return new HostError('bad-key', `${name} is not a private key`, {
    ...details,
    hint: 'a private key in the form of OpenSSH or PEM is meant: not the .pub file; a password is given with -p',
  });
}
