import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isAlive, readOwner, thisProcess } from './owner.ts';
import { temporary } from './temporary.ts';

/** A writer's directory `sealos/leases/…`: its temporary files, and the sign that blobs without a name may be about to get one. */
export interface Lease {
  readonly path: string;
  /** A number for the next temporary file. */
  next(): number;
  /** Ends it: removes its temporary files. */
  close(): Promise<void>;
}

/** Makes a lease and removes those of dead processes. Call it under the store's lock. */
export async function openLease(store: string): Promise<Lease> {
  await liveLeases(store);
  const path = join(store, 'sealos', 'leases', `${process.pid}-${randomBytes(4).toString('hex')}`);
  await mkdir(path, { recursive: true });
  const held = temporary(path);
  await writeFile(join(path, 'owner.json'), JSON.stringify(thisProcess()));
  let last = 0;
  return {
    path,
    next: () => ++last,
    async close() {
      await rm(path, { recursive: true, force: true });
      held.keep();
    },
  };
}

/** The leases of running processes; those of dead ones are removed, with the drafts of locks they left. Call it under the store's lock. */
export async function liveLeases(store: string): Promise<readonly string[]> {
  const root = join(store, 'sealos', 'leases');
  const live: string[] = [];
  for (const name of await readdir(root).catch(() => [])) {
    const path = join(root, name);
    const owner = await readOwner(join(path, 'owner.json'));
    if (owner !== undefined && isAlive(owner)) live.push(path);
    else await rm(path, { recursive: true, force: true });
  }
  for (const name of await readdir(join(store, 'sealos')).catch(() => [])) {
    const path = join(store, 'sealos', name);
    if (!/^lock\.(takeover\.)?\d+-/.test(name)) continue;
    const owner = await readOwner(path);
    if (owner !== undefined && !isAlive(owner)) await rm(path, { force: true });
  }
  return live;
}
