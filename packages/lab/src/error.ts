/** What an error of the lab carries besides its message. */
export interface LabErrorDetails {
  /** What the user can try next, one sentence. */
  readonly hint?: string | undefined;
  /** 2: bad input, nothing was changed. 1 (default): work that was begun failed. */
  readonly exitCode?: 1 | 2 | undefined;
  readonly cause?: unknown;
}

/** Every error of the lab that a user is meant to read: one clear line, a stable code, a hint. Anything else is a bug. */
export class LabError extends Error {
  override readonly name = 'LabError';
  readonly code: string;
  readonly hint: string | undefined;
  readonly exitCode: 1 | 2;

  constructor(code: string, message: string, details: LabErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.hint = details.hint;
    this.exitCode = details.exitCode ?? 1;
  }
}

/** Bad input: exit status 2, nothing was changed. */
export function badInput(code: string, message: string, hint?: string): LabError {
  return new LabError(code, message, { exitCode: 2, hint });
}
