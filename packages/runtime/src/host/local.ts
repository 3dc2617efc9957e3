import { type ChildProcess, spawn } from 'node:child_process';
import { connect } from 'node:net';
import { constants, userInfo } from 'node:os';
import type { Address, Host } from './host.ts';
import { makeHost } from './make-host.ts';
import type { RemoteCommand, Transport } from './transport.ts';

/** How long a command may go on after its input was closed, in milliseconds: as long as the shell's loop needs to end a script. */
const GRACE = 5000;

/**
 * This machine as a host: the same commands without SSH. Each leads a session of its own, so that a Ctrl-C of the terminal reaches
 * only the operator, which ends them in order.
 */
export function localTransport(): Transport {
  const children = new Set<ChildProcess>();
  const kill = (child: ChildProcess) => {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    try {
      process.kill(-child.pid, 'SIGKILL');
    } catch {} // it ended meanwhile
  };
  return {
    start: async (commandLine) => begin(commandLine, children),
    dial: (ip, port) =>
      new Promise((resolve, reject) => {
        const socket = connect({ host: ip, port, noDelay: true });
        socket.once('error', reject);
        socket.once('connect', () => {
          socket.removeListener('error', reject);
          resolve(socket);
        });
      }),
    lostBecause: () => undefined,
    destroy() {
      for (const child of children) kill(child);
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(
        [...children].map(async (child) => {
          child.stdin?.destroy();
          const timer = setTimeout(kill, GRACE, child);
          await new Promise((resolve) => child.once('close', resolve));
          clearTimeout(timer);
        }),
      );
    },
  };
}

function begin(commandLine: string, children: Set<ChildProcess>): RemoteCommand {
  const child = spawn('/bin/sh', ['-c', commandLine], { stdio: 'pipe', detached: true });
  children.add(child);
  const exit = new Promise<number>((resolve) => {
    child.once('error', () => resolve(127));
    child.once('close', (code, signal) => {
      children.delete(child);
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
    });
  });
  return { stdin: child.stdin, stdout: child.stdout, stderr: child.stderr, exit, end: () => child.stdin.destroy() };
}

/** Opens this machine. Throws HostError (exit 2) where this process is not root and sudo does not let it be, with the password if one is given. */
export function openLocalHost(options: {
  readonly address: Address;
  readonly password?: string | undefined;
  readonly signal: AbortSignal;
}): Promise<Host> {
  return makeHost(localTransport(), {
    address: options.address,
    user: userInfo().username,
    isRoot: process.getuid?.() === 0,
    password: options.password,
    signal: options.signal,
  });
}
