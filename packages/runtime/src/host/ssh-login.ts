import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import ssh2, { type AnyAuthMethod, type AuthenticationType } from 'ssh2';
import { HostError } from '../error.ts';

/** What a user gave to log in with; the agent and the usual keys are tried besides. */
export interface Credentials {
  readonly password?: string | undefined;
  readonly keyFile?: string | undefined;
  /** A private key's own text. */
  readonly keyData?: string | undefined;
  /** Of the key. */
  readonly passphrase?: string | undefined;
}

/** One way to log in, and what it is called in an error. */
interface Attempt {
  readonly name: string;
  readonly method: AnyAuthMethod;
}

export interface Login {
  readonly attempts: readonly Attempt[];
  /** Usual keys that would need a passphrase. */
  readonly lockedKeys: readonly string[];
}

const DEFAULT_KEYS = ['id_ed25519', 'id_ecdsa', 'id_rsa'];

/**
 * Ways to log in, in the order in which they are tried: first what the user named (the key, then the password), then the agent and the
 * usual keys. sshd ends the connection after a few failures, and an agent full of other keys must not use them up.
 * Throws HostError (exit 2) for a key that was named and cannot be used.
 */
export async function prepareLogin(host: string, user: string, credentials: Credentials): Promise<Login> {
  const { password, passphrase } = credentials;
  const attempts: Attempt[] = [];
  const lockedKeys: string[] = [];
  const addKey = (name: string, key: Buffer | string) => {
    const method = { type: 'publickey' as const, username: user, key };
    attempts.push({ name, method: passphrase === undefined ? method : { ...method, passphrase } });
  };
  const named = await namedKey(host, credentials);
  if (named) {
    const problem = keyProblem(named.content, passphrase);
    if (problem) throw badKey(host, named.name, problem);
    addKey(named.name, named.content);
  }
  if (password !== undefined) attempts.push(...passwordAttempts(user, password));
  const agent = process.env['SSH_AUTH_SOCK'];
  if (agent) attempts.push({ name: 'the keys of the SSH agent', method: { type: 'agent', username: user, agent } });
  if (!named) {
    for (const name of DEFAULT_KEYS) {
      const content = await readFile(join(homedir(), '.ssh', name)).catch(() => undefined);
      const problem = content && keyProblem(content, passphrase);
      if (problem?.kind === 'locked') lockedKeys.push(`~/.ssh/${name}`);
      if (content && !problem) addKey(`~/.ssh/${name}`, content);
    }
  }
  return { attempts, lockedKeys };
}

function passwordAttempts(user: string, password: string): readonly Attempt[] {
  const name = 'the password';
  const answerAll = (
    _name: string,
    _instructions: string,
    _language: string,
    prompts: readonly unknown[],
    finish: (answers: string[]) => void,
  ) => finish(prompts.map(() => password));
  return [
    { name, method: { type: 'password', username: user, password } },
    { name, method: { type: 'keyboard-interactive', username: user, prompt: answerAll } },
  ];
}

async function namedKey(
  host: string,
  credentials: Credentials,
): Promise<{ readonly name: string; readonly content: Buffer | string } | undefined> {
  if (credentials.keyData !== undefined) return { name: 'the given private key', content: credentials.keyData };
  if (credentials.keyFile === undefined) return undefined;
  const name = credentials.keyFile.replace(/^~(?=\/)/, homedir());
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

interface KeyProblem {
  readonly kind: 'locked' | 'wrong-passphrase' | 'not-a-key';
  readonly cause: Error | undefined;
}

function keyProblem(content: Buffer | string, passphrase: string | undefined): KeyProblem | undefined {
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

/** The key's text, with the names inside OpenSSH's own format (cipher and kdf) made visible. */
function readableForm(content: Buffer | string): string {
  const text = content.toString();
  const body = /-----BEGIN OPENSSH PRIVATE KEY-----(.*)-----END/s.exec(text)?.[1];
  return body === undefined ? text : Buffer.from(body, 'base64').subarray(0, 100).toString('latin1');
}

function badKey(host: string, name: string, { kind, cause }: KeyProblem): HostError {
  const details = { host, exitCode: 2 as const, cause };
  if (kind === 'locked') {
    return new HostError('bad-key', `the private key ${name} is protected by a passphrase`, {
      ...details,
      hint: 'give the passphrase with --pk-passwd (asks for it) or SEALOS_PK_PASSWD',
    });
  }
  if (kind === 'wrong-passphrase') return new HostError('bad-key', `the passphrase of the private key ${name} is wrong`, details);
  return new HostError('bad-key', `${name} is not a private key`, {
    ...details,
    hint: 'a private key in the form of OpenSSH or PEM is meant: not the .pub file; a password is given with -p',
  });
}

/** A login that failed with everything there was. `offered`: what the host says that it takes. */
export function loginRefused(
  host: string,
  user: string,
  login: Login,
  tried: readonly string[],
  offered: readonly AuthenticationType[] | undefined,
  reason?: string,
): HostError {
  const gavePassword = login.attempts.some(({ name }) => name === 'the password');
  const takesPassword = offered === undefined || offered.includes('password') || offered.includes('keyboard-interactive');
  const takesKeys = offered === undefined || offered.includes('publickey');
  const locked = login.lockedKeys.length === 0 ? '' : ` (${login.lockedKeys.join(', ')} needs its passphrase and was not tried)`;
  const refusal = (why: string, hint: string) =>
    new HostError('login-refused', `cannot log in as ${user}: ${why}${locked}`, { host, title: 'logging in', exitCode: 2, hint });
  const refused = tried.length === 0 ? '' : `; it refuses ${tried.join(', ')}`;
  if (login.attempts.length === 0) {
    return refusal('there is neither a key nor a password to log in with', 'give a password with -p (asks for it) or name a key with -i');
  }
  if (reason !== undefined) return refusal(reason, 'name the key with -i, so that no others are tried before it');
  if (gavePassword && !takesPassword) {
    return refusal(
      `a password was given, and the host takes only keys${refused}`,
      `name a key with -i, or allow passwords in the host's sshd_config`,
    );
  }
  if (!gavePassword && !takesKeys) return refusal('the host takes no keys, only a password', 'give a password with -p (asks for it)');
  if (tried.length === 1 && gavePassword) {
    const asRoot = user === 'root' ? ", or sshd lets root log in with keys only (sshd's default, PermitRootLogin)" : '';
    return refusal(
      `the password is wrong${asRoot}`,
      'give the right password with -p (asks for it), another user with -u, or a key with -i',
    );
  }
  return refusal(
    `the host refuses ${tried.join(', ')}`,
    'name a user (-u), a key (-i) or a password (-p asks for it) that the host accepts',
  );
}
