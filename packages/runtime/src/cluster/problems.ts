import { SealosError } from '@sealos/image';

/** Gathers what is wrong in a file, so that all of it is said at once. */
export interface Problems {
  /** Does something; bad input in it is kept and `undefined` comes back. `where` is put before its message. */
  attempt<T>(action: () => T, where?: () => string): T | undefined;
  /** Throws what was gathered: the one problem as it is, or all of them in one error with a line each. */
  finish(name: string): void;
}

export function openProblems(): Problems {
  const found: SealosError[] = [];
  return {
    attempt(action, where) {
      try {
        return action();
      } catch (error) {
        if (!(error instanceof SealosError)) throw error;
        found.push(where === undefined ? error : located(error, where()));
        return undefined;
      }
    },
    finish(name) {
      const [first] = found;
      if (first === undefined) return;
      if (found.length === 1) throw first;
      const lines = found.map(({ message }) => `\n  ${message}`);
      throw new SealosError(first.code, `${name}: ${found.length} things are wrong:${lines.join('')}`, {
        exitCode: 2,
        hint: found.find(({ hint }) => hint !== undefined)?.hint,
      });
    },
  };
}

/** Bad input of a part, said with its place in the whole. */
export function located(error: SealosError, where: string): SealosError {
  return new SealosError(error.code, `${where}: ${error.message}`, { exitCode: error.exitCode, hint: error.hint, cause: error });
}
