import { chmodSync, chownSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createConnection, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** unix(7): a path has 108 bytes, a zero at its end. */
const LONGEST = 107;

/** A socket that leads to an SSH agent. */
export interface OfferedAgent {
  readonly path: string;
  readonly end: () => Promise<void>;
}

/**
 * Offers an agent on a socket of its own, for the agent's own belongs to the user and stays as it is. It is made in `place`, which is made, unless
 * that is too long for a socket. Rejects where it cannot be made.
 */
export async function offerAgent(
  agent: string,
  place: string,
  { mode, uid, gid }: { readonly mode: number; readonly uid: number; readonly gid: number },
): Promise<OfferedAgent> {
  const isLong = Buffer.byteLength(join(place, 'agent')) > LONGEST;
  const directory = isLong ? await mkdtemp(join(tmpdir(), 'sealos-ssh-')) : place;
  await mkdir(directory, { recursive: true });
  const path = join(directory, 'agent');
  const sockets = new Set<Socket>();
  const server = createServer((inside) => {
    const outside = createConnection(agent);
    for (const [own, other] of [
      [inside, outside],
      [outside, inside],
    ] as const) {
      sockets.add(own);
      own.on('error', () => other.destroy());
      own.on('close', () => {
        sockets.delete(own);
        other.destroy();
      });
      own.pipe(other);
    }
  });
  const end = async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(path, resolve));
    chmodSync(path, mode);
    chownSync(path, uid, gid);
    return { path, end };
  } catch (error) {
    await end();
    throw error;
  }
}
