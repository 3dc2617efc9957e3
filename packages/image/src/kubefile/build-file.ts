import { readFile } from 'node:fs/promises';
import { isAbsolute, join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { badInput } from '../error.ts';
import type { Kubefile } from './instruction.ts';
import { parseKubefile } from './parse.ts';

/** Where a build file is looked for in a context, in this order; the first that is there is the one. */
export const BUILD_FILES: readonly string[] = ['Kubefile', 'Dockerfile', 'Sealfile', 'Containerfile'];

/**
 * Reads the build file of a context: `file` (relative to the working directory, else to the context; `-` is
 * standard input), or the first of `BUILD_FILES`.
 * Throws `no-kubefile`, `bad-kubefile` (exit 2).
 */
export async function readBuildFile(context: string, file?: string): Promise<Kubefile> {
  if (file === '-') return parseKubefile(await text(process.stdin));
  const paths =
    file === undefined
      ? BUILD_FILES.map((name) => join(context, name))
      : [resolve(file), ...(isAbsolute(file) ? [] : [join(context, file)])];
  for (const [index, path] of paths.entries()) {
    const source = await readText(path);
    if (source !== undefined) return parseKubefile(source, file ?? BUILD_FILES[index]);
  }
  if (file !== undefined) throw badInput('no-kubefile', `there is no build file ${file}`);
  throw badInput('no-kubefile', `there is no Kubefile in ${context}`, 'write one, or name another file with -f');
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    if (code === 'EISDIR') throw badInput('no-kubefile', `${path} is a directory, not a build file`);
    if (code === 'EACCES') throw badInput('no-kubefile', `there is no permission to read ${path}`);
    throw error;
  }
}
