import type { Stats } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { locate } from '../build/context-path.ts';

/**
 * The files below a directory of the context, sorted, relative to the context. Links are followed as long as they stay in the context; a
 * directory that is reached twice is listed once.
 */
export async function filesBelow(context: string, directory: string): Promise<readonly string[]> {
  return walk(await realpath(context), directory, new Set());
}

async function walk(root: string, directory: string, seen: Set<string>): Promise<readonly string[]> {
  const located = await locate(root, directory);
  if (located.kind !== 'found' || seen.has(located.path)) return [];
  seen.add(located.path);
  const files: string[] = [];
  const entries = await readdir(located.path, { withFileTypes: true }).catch(() => []);
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = posix.join(directory, entry.name);
    const kind = entry.isSymbolicLink() ? await targetOf(root, path) : entry;
    if (kind?.isDirectory()) files.push(...(await walk(root, path, seen)));
    else if (kind?.isFile()) files.push(path);
  }
  return files;
}

async function targetOf(root: string, path: string): Promise<Stats | undefined> {
  const target = await locate(root, path);
  return target.kind === 'found' ? await stat(target.path).catch(() => undefined) : undefined;
}

/** Names of what is directly in a directory of the context, sorted; links that stay inside are followed. */
export async function childrenOf(
  context: string,
  directory: string,
): Promise<readonly { readonly name: string; readonly path: string; readonly isDirectory: boolean }[]> {
  const root = await realpath(context);
  const children = [];
  for (const name of (await readdir(join(root, directory)).catch(() => [])).sort()) {
    const located = await locate(root, posix.join(directory, name));
    const kind = located.kind === 'found' ? await stat(located.path).catch(() => undefined) : undefined;
    if (located.kind === 'found' && kind !== undefined) children.push({ name, path: located.path, isDirectory: kind.isDirectory() });
  }
  return children;
}
