import { lstat, readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { ContentOptions } from '../content.ts';
import { badInput } from '../error.ts';
import type { Descriptor } from '../manifest.ts';
import { REF_NAME } from '../store-index.ts';
import { hashFiles } from './hash-files.ts';
import { layoutFiles } from './layout-files.ts';
import { nameOfEntry, readNames } from './read-names.ts';
import { repairStore } from './repair-store.ts';
import type { StoreFault, StoreReport } from './store-fault.ts';
import { treeState } from './whole-tree.ts';

export interface CheckStoreOptions extends ContentOptions {
  /** Mend what can be mended; see `repairStore`. */
  readonly repair?: boolean | undefined;
  /** Told the bytes hashed so far, and of how many. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/**
 * Checks an image store: every blob is what its name says, every name leads to a whole image, nothing else lies around. Changes nothing
 * without `repair`, and takes no lock: other commands may write meanwhile. Throws `bad-store` (exit 2) for a directory that is no store.
 */
export async function checkStore(path: string, options: CheckStoreOptions = {}): Promise<StoreReport> {
  const store = resolve(path);
  const isThere = await holdsStore(store);
  const faults: StoreFault[] = [];
  if (isThere && !(await isLayout(store))) faults.push({ kind: 'layout', subject: 'oci-layout', text: 'is missing or damaged' });
  const files = await layoutFiles(store);
  faults.push(...files.faults);

  const sizes = new Map<string, number>();
  for (const name of files.blobs) {
    const size = (await lstat(blobPath(store, name)).catch(() => undefined))?.size;
    if (size !== undefined) sizes.set(name, size);
  }
  const damaged = await damagedBlobs(store, sizes, options);
  for (const [name, { text }] of damaged) faults.push({ kind: 'blob', subject: join('blobs', 'sha256', name), text });

  const reached = new Set<string>();
  const names = !isThere ? { entries: [], faults: [] } : await readNames(store);
  faults.push(...names.faults, ...(await nameFaults(store, names.entries, new Set(damaged.keys()), reached)));

  const sum = (blobs: readonly string[]) => blobs.reduce((bytes, name) => bytes + (sizes.get(name) ?? 0), 0);
  const blobs = [...sizes.keys()];
  const unnamed = blobs.filter((name) => !reached.has(name));
  const identities = new Map([...damaged].map(([name, { identity }]) => [name, identity]));
  return {
    path: store,
    images: names.entries.length,
    blobs: blobs.length,
    bytes: sum(blobs),
    unnamed: { blobs: unnamed.length, bytes: sum(unnamed) },
    quarantine: files.quarantine,
    faults: options.repair && faults.length > 0 ? await repairStore(store, faults, identities, options) : faults,
  };
}

interface DamagedBlob {
  readonly text: string;
  /** Device and inode of what was read; undefined when it could not be. */
  readonly identity: string | undefined;
}

async function damagedBlobs(
  store: string,
  sizes: ReadonlyMap<string, number>,
  options: CheckStoreOptions,
): Promise<ReadonlyMap<string, DamagedBlob>> {
  const total = [...sizes.values()].reduce((sum, size) => sum + size, 0);
  const damaged = new Map<string, DamagedBlob>();
  let done = 0;
  // The biggest first: the last one to finish should be a small one.
  const bySize = [...sizes.keys()].sort((a, b) => (sizes.get(b) ?? 0) - (sizes.get(a) ?? 0));
  await hashFiles(
    bySize.map((name) => blobPath(store, name)),
    total,
    (path, file) => {
      const name = path.slice(path.lastIndexOf('/') + 1);
      done += sizes.get(name) ?? 0;
      options.onProgress?.(done, total);
      if (file.kind === 'failed') {
        if (file.code !== 'ENOENT') damaged.set(name, { text: `cannot be read (${file.code})`, identity: undefined });
      } else if (file.digest !== `sha256:${name}`) {
        const text = `has another content: ${file.size} bytes with the digest ${file.digest.slice(0, 19)}`;
        damaged.set(name, { text, identity: file.identity });
      }
    },
    options.signal,
  );
  return new Map([...damaged].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Looked at again at the end: a name that was removed meanwhile, and its content with it, is no fault. */
async function nameFaults(
  store: string,
  entries: readonly Descriptor[],
  damaged: ReadonlySet<string>,
  reached: Set<string>,
): Promise<readonly StoreFault[]> {
  const faults: { readonly entry: Descriptor; readonly fault: StoreFault }[] = [];
  for (const entry of entries) {
    const { fault } = await treeState(store, entry, damaged, reached);
    if (fault !== undefined) faults.push({ entry, fault: { kind: 'name', subject: nameOfEntry(entry), text: fault } });
  }
  if (faults.length === 0) return [];
  const still = new Set((await readNames(store)).entries.map(identityOf));
  return faults.filter(({ entry }) => still.has(identityOf(entry))).map(({ fault }) => fault);
}

function identityOf(entry: Descriptor): string {
  return JSON.stringify([entry.annotations?.[REF_NAME], entry.digest, entry.size]);
}

/** Whether there is a store; no directory, or an empty one, is a store that nobody has used yet. */
async function holdsStore(store: string): Promise<boolean> {
  const names = await readdir(store).catch((error: NodeJS.ErrnoException): readonly string[] | undefined =>
    error.code === 'ENOENT' ? [] : undefined,
  );
  if (names?.length === 0) return false;
  if (names !== undefined && ['oci-layout', 'index.json', 'blobs'].some((name) => names.includes(name))) return true;
  throw badInput('bad-store', `${store} is not an image store`, 'SEALOS_STORAGE says where it is');
}

async function isLayout(store: string): Promise<boolean> {
  const text = await readFile(join(store, 'oci-layout'), 'utf8').catch(() => '');
  return /"imageLayoutVersion"\s*:\s*"1\./.test(text);
}

function blobPath(store: string, name: string): string {
  return join(store, 'blobs', 'sha256', name);
}
