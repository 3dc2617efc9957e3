import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import type { AnyAuthMethod, AuthenticationType } from 'ssh2';
import { HostError } from '../error.ts';
import { badKey, keyProblem, type PrivateKey, publicHalf, readNamedKey } from './private-key.ts';
import { agentHolds, agentWithKey } from './ssh-agent.ts';

/** What a user gave to log in with; the agent and the usual keys are tried besides. */
export interface Credentials {
  readonly password?: string | undefined;
  readonly keyFile?: string | undefined;
  /** A private key's own text. */
  readonly keyData?: string | undefined;
  /** Of the key. */
  readonly passphrase?: string | undefined;
  /** Socket of an SSH agent in place of SSH_AUTH_SOCK's; `none` for no agent. */
  readonly agent?: string | undefined;
  /** Files of keys in place of the usual ones, for those who name none (IdentityFile of an SSH configuration). One that is not there is passed over. */
  readonly usualKeys?: readonly string[] | undefined;
  /** Asks for the passphrase of the key of that name; undefined where nobody can be asked. */
  readonly askPassphrase?: ((key: string) => Promise<string | undefined>) | undefined;
}

/** One way to log in, and what it is called in an error. */
interface Attempt {
  readonly name: string;
  readonly method: AnyAuthMethod;
}

export interface Login {
  readonly attempts: readonly Attempt[];
  /** Usual keys that would need a passphrase. */
  readonly lockedKeys: readonly PrivateKey[];
}

const DEFAULT_KEYS = ['~/.ssh/id_ed25519', '~/.ssh/id_ecdsa', '~/.ssh/id_rsa'];

/**
 * Ways to log in, in the order in which they are tried: first what the user named (the key, then the password), then the agent and the
 * usual keys. sshd ends the connection after a few failures, and an agent full of other keys must not use them up. A key that was named
 * and is locked is used through the agent where that holds it; else its passphrase is asked for.
 * Throws HostError (exit 2) for a key that was named and cannot be used.
 */
export async function prepareLogin(host: string, user: string, credentials: Credentials): Promise<Login> {
  const { password, passphrase } = credentials;
  const attempts: Attempt[] = [];
  const lockedKeys: PrivateKey[] = [];
  const agent = agentSocket(credentials);
  const named = await namedKey(host, credentials);
  if (named) attempts.push(await namedAttempt(host, user, named, credentials));
  if (password !== undefined) attempts.push(...passwordAttempts(user, password));
  if (agent) attempts.push({ name: 'the keys of the SSH agent', method: { type: 'agent', username: user, agent } });
  if (!named) {
    for (const name of credentials.usualKeys ?? DEFAULT_KEYS) {
      const content = await readFile(fromHome(name)).catch(() => undefined);
      if (!content) continue;
      const key = { name, content };
      const problem = keyProblem(key, passphrase);
      if (problem?.kind === 'locked') lockedKeys.push(key);
      if (!problem) attempts.push(keyAttempt(user, key, passphrase));
    }
  }
  return { attempts, lockedKeys };
}

/** The usual keys that are locked, with the passphrases that somebody at a terminal gives for them. Throws HostError (exit 2) for a wrong one. */
export async function unlockLogin(host: string, user: string, login: Login, { askPassphrase }: Credentials): Promise<Login | undefined> {
  const attempts: Attempt[] = [];
  for (const key of login.lockedKeys) {
    const passphrase = await askPassphrase?.(key.name);
    if (passphrase === undefined || passphrase === '') continue;
    const problem = keyProblem(key, passphrase);
    if (problem) throw badKey(host, key, problem);
    attempts.push(keyAttempt(user, key, passphrase));
  }
  return attempts.length === 0 ? undefined : { attempts, lockedKeys: [] };
}

function agentSocket({ agent }: Credentials): string | undefined {
  const socket = agent ?? process.env['SSH_AUTH_SOCK'];
  return socket === 'none' ? undefined : socket || undefined;
}

function fromHome(path: string): string {
  return path.replace(/^~(?=\/)/, homedir());
}

function keyAttempt(user: string, { name, content }: PrivateKey, passphrase: string | undefined): Attempt {
  const method = { type: 'publickey' as const, username: user, key: content };
  return { name, method: passphrase === undefined ? method : { ...method, passphrase } };
}

async function namedKey(host: string, { keyData, keyFile }: Credentials): Promise<PrivateKey | undefined> {
  if (keyData !== undefined) return { name: 'the given private key', content: keyData };
  return keyFile === undefined ? undefined : readNamedKey(host, keyFile);
}

async function namedAttempt(host: string, user: string, key: PrivateKey, credentials: Credentials): Promise<Attempt> {
  let { passphrase } = credentials;
  let problem = keyProblem(key, passphrase);
  if (problem?.kind === 'locked') {
    const agent = agentSocket(credentials);
    const publicKey = agent && (await publicHalf(key));
    if (agent && publicKey && (await agentHolds(agent, publicKey))) {
      return { name: key.name, method: { type: 'agent', username: user, agent: agentWithKey(agent, publicKey) } };
    }
    passphrase = await credentials.askPassphrase?.(key.name);
    problem = keyProblem(key, passphrase);
  }
  if (problem) throw badKey(host, key, problem);
  return keyAttempt(user, key, passphrase);
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
  const locked =
    login.lockedKeys.length === 0 ? '' : ` (${login.lockedKeys.map(({ name }) => name).join(', ')} needs its passphrase and was not tried)`;
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
