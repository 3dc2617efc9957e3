/** What a user of the guard meets: one line that says what is wrong. `exitCode` 2: bad input, nothing was changed. */
export class CareError extends Error {
  readonly exitCode: 1 | 2;

  constructor(message: string, exitCode: 1 | 2 = 1, options?: ErrorOptions) {
    super(message, options);
    this.name = 'CareError';
    this.exitCode = exitCode;
  }
}
