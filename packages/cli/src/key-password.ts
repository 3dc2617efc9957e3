import { interrupted } from './interrupt.ts';
import { ask } from './prompt.ts';

/** The password of a signing key: from the file, else `SEALOS_KEY_PASSWORD` or `COSIGN_PASSWORD` (which may be empty), else asked for. */
export async function keyPassword(file: string | undefined, question: string): Promise<string> {
  if (file !== undefined) {
    const { readInputFile } = await import('./input-file.ts');
    return (await readInputFile('--password-file', file)).replace(/\r?\n$/, '');
  }
  const given = process.env['SEALOS_KEY_PASSWORD'] ?? process.env['COSIGN_PASSWORD'];
  return given ?? ask(question, { hidden: true, signal: interrupted });
}

/** A password for a new key, asked for twice where it is asked for. */
export async function newKeyPassword(file: string | undefined): Promise<string> {
  const isAsked = file === undefined && process.env['SEALOS_KEY_PASSWORD'] === undefined && process.env['COSIGN_PASSWORD'] === undefined;
  const first = await keyPassword(file, 'Password for the new key: ');
  if (!isAsked) return first;
  const second = await ask('The same again: ', { hidden: true, signal: interrupted });
  if (first === second) return first;
  const { badInput } = await import('@sealos/image/local');
  throw badInput('no-answer', 'the two passwords differ: no key was made');
}
