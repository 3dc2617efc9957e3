import type { Host } from './host.ts';
import { makeHost } from './make-host.ts';
import { connectSsh, type SshOptions } from './ssh.ts';

/** Connects to a host over SSH and starts its shell, as root or through sudo. Throws HostError (exit 2) when that cannot be. */
export async function openHost(options: SshOptions): Promise<Host> {
  const transport = await connectSsh(options);
  try {
    return await makeHost(transport, { address: options.address, isRoot: options.user === 'root', password: options.credentials.password });
  } catch (error) {
    await transport[Symbol.asyncDispose]();
    throw error;
  }
}
