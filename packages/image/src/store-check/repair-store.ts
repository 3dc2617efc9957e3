import { copyFile, lstat, mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { syncDirectory, writeAtomic } from '../atomic.ts';
import { diskError } from '../blob.ts';
import type { ContentOptions } from '../content.ts';
import { hexOf } from '../digest.ts';
import { withLock } from '../lock.ts';
import type { Descriptor } from '../manifest.ts';
import { writeLayoutIndex } from '../store-index.ts';
import { liveLeases } from '../store-lease.ts';
import { QUARANTINE } from './layout-files.ts';
import { nameOfEntry, readNames } from './read-names.ts';
import type { StoreFault } from './store-fault.ts';
import { treeState } from './whole-tree.ts';

const LOCK = join('sealos', 'lock');

/**
 * Mends what a check found, so that the next pull, load or build makes whole what is missing. Nothing that may hold somebody's data is
 * deleted: it is moved to `sealos/quarantine/TIME-PID/`, under the path that it had. Under the store's lock, so no name changes
 * meanwhile; what was replaced since it was looked at is left alone. Returns the faults with what was done, and those that it met on the way.
 */
export async function repairStore(
  store: string,
  faults: readonly StoreFault[],
  identities: ReadonlyMap<string, string | undefined>,
  options: ContentOptions,
): Promise<readonly StoreFault[]> {
  const quarantine = join(QUARANTINE, `${new Date().toISOString().replace(/[-:]|\.\d+/g, '')}-${process.pid}`);
  const moveAway = async (subject: string): Promise<string> => {
    const target = join(store, quarantine, subject);
    await mkdir(dirname(target), { recursive: true });
    await rename(join(store, subject), target);
    return `moved to ${quarantine}`;
  };
  const mend = async (fault: StoreFault): Promise<string | undefined> => {
    const { kind, subject } = fault;
    if (kind === 'layout') {
      await writeAtomic(join(store, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}\n');
      return 'written anew';
    }
    if (kind === 'cache') {
      await rm(join(store, subject), { force: true });
      return 'removed; it is made anew when it is needed';
    }
    if (kind === 'lease' || kind === 'lock') {
      // The lock itself is this process's by now.
      if (subject !== LOCK) await rm(join(store, subject), { recursive: true, force: true });
      return 'removed';
    }
    if (kind !== 'blob' && kind !== 'stray') return undefined;
    const before = identities.get(subject.slice(subject.lastIndexOf('/') + 1));
    const now = await lstat(join(store, subject)).catch(() => undefined);
    if (now === undefined) return 'gone meanwhile';
    if (kind === 'blob' && before !== undefined && before !== `${now.dev}:${now.ino}`) return 'replaced meanwhile';
    return moveAway(subject);
  };
  const work = async (): Promise<readonly StoreFault[]> => {
    await liveLeases(store);
    const mended: StoreFault[] = [];
    for (const fault of faults) {
      const what = await mend(fault);
      mended.push(what === undefined ? fault : { ...fault, mended: what });
    }
    const names = await mendNames(store, moveAway, quarantine);
    for (const directory of ['', join('blobs', 'sha256')]) await syncDirectory(join(store, directory));
    return mended.map((fault) => {
      const done =
        fault.kind === 'index'
          ? names.index
          : fault.kind === 'name'
            ? (names.images.get(fault.subject) ?? 'mended by another command')
            : undefined;
      return done === undefined ? fault : { ...fault, mended: done };
    });
  };
  try {
    for (const directory of ['sealos', join('blobs', 'sha256')]) await mkdir(join(store, directory), { recursive: true });
    return await withLock(join(store, LOCK), work, options);
  } catch (error) {
    throw diskError(error, store);
  }
}

interface MendedNames {
  readonly index: string;
  readonly images: ReadonlyMap<string, string>;
}

/** Names are looked at anew: another process may have mended one, or given it another meaning, since. */
async function mendNames(store: string, moveAway: (subject: string) => Promise<string>, quarantine: string): Promise<MendedNames> {
  const { entries, faults } = await readNames(store);
  const images = new Map<string, string>();
  const kept: Descriptor[] = [];
  for (const entry of entries) {
    const { fault, brokenManifests } = await treeState(store, entry, new Set(), new Set());
    if (fault === undefined) {
      kept.push(entry);
      continue;
    }
    if (brokenManifests.length === 0) {
      images.set(nameOfEntry(entry), 'the name was removed: pull, load or build the image again');
      continue;
    }
    for (const digest of brokenManifests) await moveAway(join('blobs', 'sha256', hexOf(digest))).catch(ignoreMissing);
    images.set(nameOfEntry(entry), 'the platform that is not whole was moved away: pull the image again to have it');
    kept.push(entry);
  }
  if (faults.length > 0) {
    await mkdir(join(store, quarantine), { recursive: true });
    await copyFile(join(store, 'index.json'), join(store, quarantine, 'index.json')).catch(ignoreMissing);
  }
  if (faults.length > 0 || kept.length < entries.length) await writeLayoutIndex(store, kept);
  const index = kept.length === 0 ? 'written anew, without names' : `written anew with the ${kept.length} names that can be read`;
  return { index: `${index}; the old one is in ${quarantine}`, images };
}

// The same manifest may stand in several indexes.
function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}
