import { withoutControls } from './shown-name.ts';

/** What an error of our family carries besides its message. */
export interface ErrorDetails {
  /** What the user can try next, one sentence. */
  readonly hint?: string | undefined;
  /** 2: bad input, nothing was changed. 1 (default): work that was begun failed. */
  readonly exitCode?: 1 | 2 | undefined;
  readonly cause?: unknown;
}

/**
 * The family of every error that a user is meant to read: one clear line, a stable code, a hint. What it quotes of strangers cannot steer the terminal. Anything else that reaches
 * the command line is a bug and is reported as one.
 */
export class SealosError extends Error {
  override readonly name: string = 'SealosError';
  readonly code: string;
  readonly hint: string | undefined;
  readonly exitCode: 1 | 2;

  constructor(code: string, message: string, details: ErrorDetails = {}) {
    super(withoutControls(message), details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.hint = details.hint;
    this.exitCode = details.exitCode ?? 1;
  }
}

/** Bad input: exit status 2, nothing was changed. */
export function badInput(code: string, message: string, hint?: string): SealosError {
  return new SealosError(code, message, { exitCode: 2, hint });
}
