import { statfs } from 'node:fs/promises';
import { SealosError } from './error.ts';

/** What to try when a disk is full, whatever was written. */
export const FREE_SPACE = 'free some space, or choose a directory on a bigger disk (SEALOS_STORAGE for the store)';

// Smaller files are left to the disk, which says itself when it is full.
const WORTH_ASKING = 1024 * 1024;

/**
 * Refuses (`disk-full`) to begin with content that the disk of a directory has no room for: a size that a stranger names must not fill
 * the disk first. Where nobody knows how much room there is, everything is allowed.
 */
export async function requireSpace(directory: string, bytes: number, what: string): Promise<void> {
  if (bytes < WORTH_ASKING) return;
  const found = await statfs(directory).catch(() => undefined);
  if (found === undefined || bytes <= found.bavail * found.bsize) return;
  throw new SealosError(
    'disk-full',
    `${what} has ${bytes} bytes, for which the disk is full: ${directory} has ${found.bavail * found.bsize} free`,
    { hint: FREE_SPACE },
  );
}
