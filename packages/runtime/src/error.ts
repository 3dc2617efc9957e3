import { type ErrorDetails, SealosError } from '@sealos/image';

export interface HostErrorDetails extends ErrorDetails {
  readonly host: string;
  /** What was being done. */
  readonly title?: string | undefined;
  /** Exit status of the remote command. */
  readonly commandStatus?: number | undefined;
  /** The last lines of its output, secrets blotted out. */
  readonly output?: string | undefined;
}

/** Something failed on a host; the message names the host, what was being done and why it failed. */
export class HostError extends SealosError {
  override readonly name = 'HostError';
  readonly host: string;
  readonly title: string | undefined;
  readonly commandStatus: number | undefined;
  readonly output: string | undefined;

  constructor(code: string, message: string, details: HostErrorDetails) {
    super(code, `${details.host}: ${message}`, details);
    this.host = details.host;
    this.title = details.title;
    this.commandStatus = details.commandStatus;
    this.output = details.output;
  }
}

/** The connection to a host went while something was at work there. `why` is what is known of it. */
export function connectionLost(host: string, title: string, why?: string, cause?: unknown): HostError {
  return new HostError('connection-lost', `the connection was lost during '${title}'${why === undefined ? '' : ` (${why})`}`, {
    host,
    title,
    cause,
    hint: 'see whether the host is up and reachable, then run the same command again: it goes on where it stopped',
  });
}
