/**
 * A connection that was refused for a reason that is known where it is made, but not what for: `explainError` makes an error for the
 * user of it. The message goes on `cannot pull NAME: …`.
 */
export class ConnectionRefusal extends Error {
  override readonly name = 'ConnectionRefusal';
  /** Of the error for the user. */
  readonly reason: string;
  readonly hint: string | undefined;

  constructor(reason: string, message: string, hint?: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.reason = reason;
    this.hint = hint;
  }
}
