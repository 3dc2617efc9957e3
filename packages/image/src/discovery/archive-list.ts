import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseReference, type Reference } from '../reference.ts';

/** An archive of the context that holds a container image. */
export interface ListedArchive {
  /** Relative to the context. */
  readonly path: string;
  /** What the image in it is called, whatever its name there. */
  readonly reference: Reference;
  readonly line: number;
}

/** Where a context lists archives (sealos-interop.md §3.3): `docker-archive:FILE@NAME` or `oci-archive:FILE@NAME`, one a line. */
export const ARCHIVE_LIST = 'images/skopeo/tar.txt';

/** Reads the list of archives; what cannot be read is in `warnings`. */
export async function listArchives(
  context: string,
): Promise<{ readonly archives: readonly ListedArchive[]; readonly warnings: readonly string[] }> {
  const text = await readFile(join(context, ARCHIVE_LIST), 'utf8').catch(() => '');
  const archives: ListedArchive[] = [];
  const warnings: string[] = [];
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    const [, path, name] = /^(?:docker|oci)-archive:([^@]+)@(.+)$/.exec(line) ?? [];
    const reference = name === undefined ? undefined : readName(name);
    if (path !== undefined && reference !== undefined) archives.push({ path, reference, line: index + 1 });
    else warnings.push(`${ARCHIVE_LIST}:${index + 1}: '${line}' is not docker-archive:FILE@NAME, it is not saved`);
  }
  return { archives, warnings };
}

function readName(text: string): Reference | undefined {
  try {
    return parseReference(text);
  } catch {
    return undefined;
  }
}
