import { createHash } from 'node:crypto';
import { connect, createServer, type Server } from 'node:net';

/**
 * Waits until this process alone holds the lock of that name, machine-wide. The lock is an abstract Unix socket (unix(7)): the kernel
 * takes it back when its holder dies, however it dies, so there is no stale lock to judge; who waits is connected to the
 * holder and wakes when that connection ends.
 */
export async function acquireLock(name: string, signal?: AbortSignal): Promise<AsyncDisposable> {
  // Names of abstract sockets end at 107 bytes.
  const address = `\0sealos-lab-${createHash('sha256').update(name).digest('hex').slice(0, 32)}`;
  for (;;) {
    signal?.throwIfAborted();
    const server = await tryListen(address);
    if (server) return { [Symbol.asyncDispose]: () => release(server) };
    await holderGone(address, signal);
  }
}

const waiting = new WeakMap<Server, Set<{ destroy(): void }>>();

function tryListen(address: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const connections = new Set<{ destroy(): void }>();
    const server = createServer((socket) => {
      connections.add(socket);
      socket.on('error', () => {});
      socket.once('close', () => connections.delete(socket));
      socket.unref();
    });
    waiting.set(server, connections);
    server.once('error', (error: NodeJS.ErrnoException) => (error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error)));
    server.listen({ path: address }, () => {
      server.unref();
      resolve(server);
    });
  });
}

function release(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    for (const connection of waiting.get(server) ?? []) connection.destroy();
  });
}

function holderGone(address: string, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ path: address });
    const stop = () => socket.destroy();
    signal?.addEventListener('abort', stop, { once: true });
    socket.on('error', () => {});
    socket.once('close', () => {
      signal?.removeEventListener('abort', stop);
      resolve();
    });
    socket.resume();
  });
}
