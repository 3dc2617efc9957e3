import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Reference } from '../reference.ts';
import { readReference } from './reference-text.ts';
import { listLine } from './shim-lists.ts';
import { decodeText } from './text-file.ts';

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
  const text = decodeText(await readFile(join(context, ARCHIVE_LIST)).catch(() => Buffer.alloc(0)));
  const archives: ListedArchive[] = [];
  const warnings: string[] = [];
  for (const [index, raw] of text.split('\n').entries()) {
    const line = listLine(raw);
    if (line === undefined) continue;
    const archive = parseArchiveName(line);
    if (archive !== undefined) archives.push({ ...archive, line: index + 1 });
    else warnings.push(`${ARCHIVE_LIST}:${index + 1}: '${line}' is not docker-archive:FILE@NAME, it is not saved`);
  }
  return { archives, warnings };
}

/** Reads `docker-archive:FILE@NAME` or `oci-archive:FILE@NAME`; undefined for another text. NAME may have a digest. */
export function parseArchiveName(text: string): Omit<ListedArchive, 'line'> | undefined {
  const [, path, name] = /^(?:docker|oci)-archive:([^@]+)@(.+)$/.exec(text) ?? [];
  const reference = name === undefined ? undefined : readReference(name);
  return path === undefined || reference === undefined ? undefined : { path, reference };
}
