import type { Dirent } from 'node:fs';
import { lstat, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDigest } from '../digest.ts';
import { isAlive, readOwner, thisProcess } from '../owner.ts';
import type { StoreFault } from './store-fault.ts';

/** What lies in a store's directories, looked at from outside: names and kinds, not contents. */
export interface LayoutFiles {
  /** Regular files in `blobs/sha256` whose names are hex digests. */
  readonly blobs: readonly string[];
  readonly faults: readonly StoreFault[];
  readonly quarantine: { readonly files: number; readonly bytes: number };
}

export const QUARANTINE = join('sealos', 'quarantine');
const HOUR = 3600 * 1000;

/** Looks for what has no business in a store, and for what dead processes left. Drafts of running processes are none of that. */
export async function layoutFiles(store: string): Promise<LayoutFiles> {
  const faults: StoreFault[] = [];
  const stray = (subject: string, text = 'is not part of a store') => faults.push({ kind: 'stray', subject, text });
  const top = new Map([
    ['oci-layout', 'a file'],
    ['index.json', 'a file'],
    ['blobs', 'a directory'],
    ['sealos', 'a directory'],
  ]);

  for (const entry of await entriesOf(store, '')) {
    const kind = top.get(entry.name);
    if (kind === undefined) {
      if (!(await isDraft(store, entry.name))) stray(entry.name);
    } else if (kindOf(entry) !== kind) stray(entry.name, `is ${kindOf(entry)} where ${kind} belongs`);
  }
  for (const entry of await entriesOf(store, 'blobs'))
    if (entry.name !== 'sha256' || !entry.isDirectory()) stray(join('blobs', entry.name));
  const blobs: string[] = [];
  for (const entry of await entriesOf(store, join('blobs', 'sha256'))) {
    const subject = join('blobs', 'sha256', entry.name);
    if (!isDigest(`sha256:${entry.name}`)) stray(subject, 'is not named after a digest');
    else if (!entry.isFile()) faults.push({ kind: 'blob', subject, text: `is ${kindOf(entry)} where a file belongs` });
    else blobs.push(entry.name);
  }
  for (const entry of await entriesOf(store, 'sealos')) {
    const subject = join('sealos', entry.name);
    if (['index', 'leases', 'build', 'quarantine'].includes(entry.name)) {
      if (!entry.isDirectory()) stray(subject, `is ${kindOf(entry)} where a directory belongs`);
    } else if (entry.isDirectory()) {
      // Working trees, origins of images, and what other versions keep there: theirs to check, never to be moved away.
    } else if (/^lock(\.|$)/.test(entry.name)) {
      const owner = await readOwner(join(store, subject));
      if (owner === undefined ? await isDraft(store, subject) : isAlive(owner)) continue;
      const who = owner === undefined ? 'a process that left no name' : `process ${owner.pid}, which is no more`;
      faults.push({ kind: 'lock', subject, text: `was left by ${who}` });
    } else stray(subject);
  }
  faults.push(...(await leaseFaults(store)), ...(await cacheFaults(store)));
  return { blobs, faults, quarantine: await sizeOfTree(join(store, QUARANTINE)) };
}

async function leaseFaults(store: string): Promise<readonly StoreFault[]> {
  const faults: StoreFault[] = [];
  for (const entry of await entriesOf(store, join('sealos', 'leases'))) {
    const subject = join('sealos', 'leases', entry.name);
    const owner = await readOwner(join(store, subject, 'owner.json'));
    if (owner !== undefined && isAlive(owner)) continue;
    // Between its directory and the file in it a lease has no owner; its writer holds the lock for that moment.
    const pid = owner?.pid ?? Number(/^(\d+)-[0-9a-f]{8}$/.exec(entry.name)?.[1]);
    if (owner === undefined && (isAlive({ ...thisProcess(), pid, started: '' }) || (await isGone(store, subject)))) continue;
    const who = Number.isNaN(pid) ? 'nobody knows whom' : `process ${pid}, which is no more`;
    faults.push({ kind: 'lease', subject, text: `was left by ${who}` });
  }
  return faults;
}

/** What was found out about layers and steps, once. A record that cannot be read is only made anew; it is told because something damaged it. */
async function cacheFaults(store: string): Promise<readonly StoreFault[]> {
  const faults: StoreFault[] = [];
  for (const directory of [join('sealos', 'index'), join('sealos', 'build', 'steps')]) {
    for (const entry of await entriesOf(store, directory)) {
      const subject = join(directory, entry.name);
      if (/\.json$/.test(entry.name) && entry.isFile()) {
        if (!(await isRecord(join(store, subject)))) faults.push({ kind: 'cache', subject, text: 'is damaged' });
      } else if (!(await isDraft(store, subject))) faults.push({ kind: 'stray', subject, text: 'is not part of a store' });
    }
  }
  return faults;
}

async function isRecord(path: string): Promise<boolean> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => (error.code === 'ENOENT' ? '{}' : ''));
  try {
    const value: unknown = JSON.parse(text);
    return value !== null && typeof value === 'object';
  } catch {
    return false;
  }
}

/** A file that a running process is about to rename: ours say which, those of other tools are given an hour. */
async function isDraft(store: string, path: string): Promise<boolean> {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const pid = /\.(\d+)-[0-9a-f]{8}(\.tmp)?$/.exec(name)?.[1] ?? /^\.index\.json\.(\d+)$/.exec(name)?.[1];
  if (pid !== undefined && isAlive({ ...thisProcess(), pid: Number(pid), started: '' })) return true;
  const stat = await lstat(join(store, path)).catch(() => undefined);
  if (stat === undefined) return true; // gone by now
  return pid === undefined && /^(oci-put-blob|ingest)/.test(name) && Date.now() - stat.mtimeMs < HOUR;
}

async function isGone(store: string, path: string): Promise<boolean> {
  return (await lstat(join(store, path)).catch(() => undefined)) === undefined;
}

async function entriesOf(store: string, directory: string): Promise<readonly Dirent[]> {
  const entries = await readdir(join(store, directory), { withFileTypes: true }).catch(() => []);
  return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function kindOf(entry: Dirent): string {
  if (entry.isFile()) return 'a file';
  if (entry.isDirectory()) return 'a directory';
  return entry.isSymbolicLink() ? 'a symbolic link' : 'something';
}

async function sizeOfTree(directory: string): Promise<{ readonly files: number; readonly bytes: number }> {
  let files = 0;
  let bytes = 0;
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true }).catch(() => [])) {
    if (entry.isDirectory()) continue;
    files++;
    bytes += (await lstat(join(entry.parentPath, entry.name)).catch(() => undefined))?.size ?? 0;
  }
  return { files, bytes };
}
