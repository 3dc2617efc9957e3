import { readFile } from 'node:fs/promises';
import { badInput } from '@sealos/image';

/** The text of a file that a flag names. Throws bad input that names the flag and why the file cannot be read. */
export async function readInputFile(flag: string, path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw badInput('unreadable-file', `${flag} ${path}: the file cannot be read (${code})`);
  }
}
