import { spawn } from 'node:child_process';
import * as v from 'valibot';
import { SealosError } from '../error.ts';
import type { FoundCredentials } from './credentials.ts';

const answer = v.object({ Username: v.string(), Secret: v.string() });
const PATIENCE = 60_000;

/**
 * Asks docker's credential helper `docker-credential-NAME` for a server's login (docker/docker-credential-helpers: the server's name
 * on stdin, JSON on stdout). A helper that fails is a `problem`, not an error: public images need none.
 */
export async function askHelper(name: string, server: string, environment: NodeJS.ProcessEnv): Promise<FoundCredentials> {
  const result = await runHelper(name, 'get', server, environment);
  if (result.status !== 0) {
    if (/credentials not found/i.test(result.output)) return {};
    return { problem: `docker-credential-${name} ${result.status === undefined ? 'did not start' : 'failed'}` };
  }
  try {
    const { Username, Secret } = v.parse(answer, JSON.parse(result.output));
    if (Username === '' && Secret === '') return {};
    // The helpers' own convention for a token of a token server.
    if (Username === '<token>') return { credentials: { kind: 'identity', token: Secret } };
    return { credentials: { kind: 'password', user: Username, password: Secret } };
  } catch {
    return { problem: `docker-credential-${name} gave no answer that can be read` };
  }
}

/** Gives a login to a helper to keep. Throws `credential-helper-failed`. */
export async function storeWithHelper(
  name: string,
  server: string,
  login: { readonly user: string; readonly password: string },
  environment: NodeJS.ProcessEnv,
): Promise<void> {
  const document = JSON.stringify({ ServerURL: server, Username: login.user, Secret: login.password });
  const result = await runHelper(name, 'store', document, environment);
  if (result.status !== 0) throw failed(name, 'keep the login', result.status === undefined);
}

/** Makes a helper forget a login; one that it does not know is no error. */
export async function eraseWithHelper(name: string, server: string, environment: NodeJS.ProcessEnv): Promise<void> {
  const result = await runHelper(name, 'erase', server, environment);
  if (result.status !== 0 && !/not found/i.test(result.output)) throw failed(name, 'forget the login', result.status === undefined);
}

function failed(name: string, what: string, isMissing: boolean): SealosError {
  return new SealosError(
    'credential-helper-failed',
    `docker-credential-${name} could not ${what}: it ${isMissing ? 'did not start' : 'failed'}`,
    { hint: "install it, or remove 'credsStore' and 'credHelpers' from docker's config.json", exitCode: isMissing ? 2 : 1 },
  );
}

interface HelperResult {
  /** Undefined when it did not start, or did not end in time. */
  readonly status: number | undefined;
  readonly output: string;
}

function runHelper(name: string, action: 'get' | 'store' | 'erase', input: string, environment: NodeJS.ProcessEnv): Promise<HelperResult> {
  if (!/^[\w.-]+$/.test(name)) return Promise.resolve({ status: undefined, output: '' });
  return new Promise((resolve) => {
    const child = spawn(`docker-credential-${name}`, [action], { env: environment, stdio: ['pipe', 'pipe', 'ignore'], timeout: PATIENCE });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    child.once('error', () => resolve({ status: undefined, output }));
    child.once('close', (status) => resolve({ status: status ?? undefined, output }));
    child.stdin.on('error', () => {}); // it may end without having read
    child.stdin.end(input);
  });
}
