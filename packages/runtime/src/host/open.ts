import type { Host } from './host.ts';
import { makeHost } from './make-host.ts';
import { connectSsh, type SshOptions } from './ssh.ts';

/** Connects to a host over SSH and starts its shell, as root or through sudo. Throws HostError (exit 2) when that cannot be. */
export async function openHost(options: SshOptions): Promise<Host> {
  const { address, user, credentials, signal } = options;
  const transport = await connectSsh(options);
  return makeHost(transport, { address, user, isRoot: user === 'root', password: credentials.password, signal });
}
