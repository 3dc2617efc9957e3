import { randomBytes } from 'node:crypto';
import type { Writable } from 'node:stream';
import { connectionLost, HostError } from '../error.ts';
import { quote } from './script.ts';
import type { RemoteCommand, Transport } from './transport.ts';

/** Whom commands run as. */
export interface Identity {
  /** The host's name in errors. */
  readonly name: string;
  readonly user: string;
  readonly isRoot: boolean;
  /** sudo's, too. */
  readonly password: string | undefined;
}

export interface BashOptions {
  /** What the bash is for, in errors. */
  readonly title: string;
  readonly onStdout: (chunk: Buffer) => void;
  readonly onStderr: (chunk: Buffer) => void;
  readonly signal?: AbortSignal | undefined;
}

/** A bash at work as root. What `stdin` takes is the program's own input. */
export interface RunningBash {
  readonly stdin: Writable;
  readonly exit: Promise<number | undefined>;
  readonly end: () => void;
}

/** How long a host may take to start its first bash, in milliseconds. */
const OPENING_TIMEOUT = 30_000;
/** The same in the middle of the work: longer than it takes to find out that the host is silent, which tells more. */
const START_TIMEOUT = 90_000;

/**
 * Starts a bash as root, through sudo where the user is another, and gives it a program. The program goes in on standard input, so that
 * no login shell has to understand it and no argument list shows it. sudo's password is sent when sudo asks for it and never otherwise.
 * Throws HostError (exit 2) when that cannot be.
 */
export async function startBash(transport: Transport, identity: Identity, program: string, options: BashOptions): Promise<RunningBash> {
  const { signal } = options;
  signal?.throwIfAborted();
  const nonce = `sealos-${randomBytes(12).toString('hex')}`;
  const command = await transport.start(commandLine(identity, nonce)).catch((error: unknown) => {
    throw notStarted(identity.name, options.title, transport.lostBecause(), error);
  });
  command.stdin.on('error', () => {}); // the exit status tells what happened
  try {
    await begun(command, nonce, options, identity, () => transport.lostBecause());
  } catch (error) {
    command.end();
    throw error;
  }
  command.stdin.write(`${program}\0`);
  return { stdin: command.stdin, exit: command.exit, end: command.end };
}

function notStarted(host: string, title: string, why: string | undefined, error: unknown): HostError {
  if (!(error instanceof Error) || !/channel open failure/i.test(error.message)) return connectionLost(host, title, why, error);
  return new HostError('no-shell', `sshd opens no further session for '${title}'`, {
    host,
    title,
    cause: error,
    hint: 'at least two are needed (MaxSessions in its sshd_config; 10 by default)',
  });
}

function commandLine({ isRoot, password }: Identity, nonce: string): string {
  // Understood by every login shell, csh and fish too: one line, no single quote inside.
  const bash = `bash -c ${quote(`printf "%s\\n" ${nonce}; IFS= read -r -t 60 -d "" sealos_program && eval "$sealos_program"`)}`;
  if (isRoot) return bash;
  const how = password === undefined ? '-n' : `-S -p ${nonce}:`;
  return `env LC_ALL=C sudo ${how} -H -- ${bash}`;
}

/** Waits for the bash's own first line; answers sudo meanwhile. */
function begun(
  command: RemoteCommand,
  nonce: string,
  { title, onStdout, onStderr, signal }: BashOptions,
  identity: Identity,
  lostBecause: () => string | undefined,
): Promise<void> {
  const failure = (why: StartFailure, words: string) => startError(identity, title, why, words, lostBecause());
  return new Promise((resolve, reject) => {
    let said = '';
    let printed = Buffer.alloc(0);
    let prompts = 0;
    let settled = false;
    const settle = (act: () => void) => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      act();
    };
    const onAbort = () => settle(() => reject(signal?.reason));
    const timer = setTimeout(() => settle(() => reject(failure('no answer', said))), startTimeout(title));
    signal?.addEventListener('abort', onAbort, { once: true });
    command.stdout.on('data', (chunk: Buffer) => {
      if (settled) return onStdout(chunk);
      printed = Buffer.concat([printed, chunk]);
      const at = printed.indexOf(`${nonce}\n`);
      if (at < 0) return;
      settle(resolve);
      const rest = printed.subarray(at + nonce.length + 1);
      if (rest.length > 0) onStdout(rest);
    });
    command.stderr.on('data', (chunk: Buffer) => {
      if (settled) return onStderr(chunk);
      said = (said + chunk.toString()).slice(-4000);
      const asked = said.split(`${nonce}:`).length - 1;
      if (asked <= prompts) return;
      prompts = asked;
      if (asked === 1) command.stdin.write(`${identity.password}\n`);
      else settle(() => reject(failure('wrong password', said)));
    });
    void command.exit.then((status) => {
      settle(() => reject(failure(status, said.replaceAll(`${nonce}:`, '') || printed.toString())));
    });
  });
}

function startTimeout(title: string): number {
  return title === OPENING ? OPENING_TIMEOUT : START_TIMEOUT;
}

type StartFailure = number | undefined | 'no answer' | 'wrong password';

/** The title under which a host is opened: what fails then has changed nothing. */
export const OPENING = 'starting a shell';

function startError(
  { name, user, isRoot }: Identity,
  title: string,
  why: StartFailure,
  said: string,
  lostBecause: string | undefined,
): HostError {
  const last = said.trim().split('\n').at(-1)?.trim() ?? '';
  const details = { host: name, title, output: last, ...(title === OPENING ? { exitCode: 2 as const } : {}) };
  const shown = last === '' ? '' : `: ${last}`;
  if (why === undefined) {
    if (title !== OPENING || lostBecause !== undefined) return connectionLost(name, title, lostBecause);
    return new HostError('connection-lost', `the connection was lost while a shell was started${shown}`, {
      ...details,
      hint: 'see whether sshd lets the user run commands, and how many sessions it allows (MaxSessions)',
    });
  }
  if (why === 'no answer') {
    return new HostError('no-shell', `no bash answered within ${startTimeout(title) / 1000} s for '${title}'${shown}`, {
      ...details,
      hint: `see what the login shell of ${user} does when it starts${isRoot ? '' : ', and what sudo asks for'}`,
    });
  }
  if (why !== 'wrong password' && /bash: (command )?not found|bash: No such file|unknown command.*bash/i.test(said)) {
    return new HostError('no-shell', 'bash is not installed there', { ...details, hint: 'install bash on the host' });
  }
  if (isRoot) return new HostError('no-shell', `bash did not start there (exit status ${why})${shown}`, details);
  return new HostError('no-sudo', `${user} may not become root with sudo: ${sudoRefusal(why, said, last)}`, {
    ...details,
    hint: 'name a user that sudo allows everything (NOPASSWD, or with its password by -p), or log in as root',
  });
}

function sudoRefusal(why: StartFailure, said: string, last: string): string {
  if (why === 'wrong password' || /incorrect password attempt/.test(said)) return 'its password is wrong';
  if (/a password is required/.test(said)) return 'it asks for a password, and none was given';
  if (/must have a tty|terminal is required/.test(said)) return 'it asks for a terminal (requiretty), which scripts do not have';
  if (/not in the sudoers|not allowed|may not run/.test(said)) return 'it does not allow this user';
  if (/sudo.*not found|sudo: No such file/i.test(said)) return 'sudo is not installed there';
  return last === '' ? `exit status ${why}` : last;
}
