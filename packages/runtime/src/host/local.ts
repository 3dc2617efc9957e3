import { spawn } from 'node:child_process';
import type { Address, Host } from './host.ts';
import { makeHost } from './make-host.ts';
import type { RemoteCommand, Transport } from './transport.ts';

/** This machine as a host: the same commands without SSH. Each runs as the leader of a session, so that a Ctrl-C of the terminal does not end it behind our back. */
function localTransport(): Transport {
  return {
    async start(commandLine): Promise<RemoteCommand> {
      const child = spawn('/bin/sh', ['-c', commandLine], { stdio: 'pipe', detached: true });
      const exit = new Promise<number>((resolve) => {
        child.once('error', () => resolve(127));
        child.once('close', (code) => resolve(code ?? 255));
      });
      return { stdin: child.stdin, stdout: child.stdout, stderr: child.stderr, exit, end: () => child.kill('SIGKILL') };
    },
    async [Symbol.asyncDispose]() {},
  };
}

/** Opens this machine; needs root, or sudo that asks for no password or the given one. */
export function openLocalHost(options: {
  readonly address: Address;
  readonly password?: string | undefined;
  readonly signal: AbortSignal;
}): Promise<Host> {
  return makeHost(localTransport(), { address: options.address, isRoot: process.getuid?.() === 0, password: options.password });
}
