import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import dockerignore from '@balena/dockerignore';
import { badInput } from '../error.ts';

/** What a context leaves out. */
export interface Ignored {
  /** The file's name, for messages; undefined when there is none. */
  readonly file: string | undefined;
  /** Whether a path of the context (no slash at its beginning) is left out. */
  ignores(path: string): boolean;
  /** Whether something inside a directory that is left out may be wanted again (`!` patterns). */
  readonly hasExceptions: boolean;
}

/**
 * Reads what a context leaves out: the file that is named, else its `.containerignore`, else `.dockerignore`. One pattern a line, `!` for
 * exceptions, `#` for comments. Throws `no-ignore-file` (exit 2).
 */
export async function readIgnoreFile(context: string, named?: string): Promise<Ignored> {
  for (const file of named === undefined ? ['.containerignore', '.dockerignore'] : [named]) {
    const text = await readFile(named === undefined ? join(context, file) : resolve(file), 'utf8').catch(() => undefined);
    if (text === undefined && named !== undefined) throw badInput('no-ignore-file', `the ignore file ${named} cannot be read`);
    if (text === undefined) continue;
    const lines = text
      .replace(/^\ufeff/, '')
      .split(/\r?\n/)
      .map((line) => line.trim())
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => line.replace(/^(!?)\s*\/+/, '$1'));
    // The package is CommonJS and says so to nobody: its default export is a member of its default export.
    const patterns = dockerignore.default().add(lines);
    return { file, ignores: (path) => path !== '' && patterns.ignores(path), hasExceptions: lines.some((line) => line.startsWith('!')) };
  }
  return { file: undefined, ignores: () => false, hasExceptions: false };
}
