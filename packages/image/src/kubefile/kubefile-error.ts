import { badInput, type SealosError } from '../error.ts';

/** What is wrong with a line of a build file: `Kubefile:3: …`, exit status 2. */
export function lineError(name: string, line: number, why: string, hint?: string): SealosError {
  return badInput('bad-kubefile', `${name}:${line}: ${why}`, hint);
}
