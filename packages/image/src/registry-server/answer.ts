import type { Readable } from 'node:stream';

/** What a request is answered with. */
export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** JSON, bytes, or a stream with `content-length` in the headers. */
  readonly body?: object | Buffer | Readable;
}

/** A request that is refused: distribution-spec, "Error Codes". */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly status: number;
  readonly code: string;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, code: string, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.headers = headers;
  }
}

export function refusalAnswer({ status, code, message, headers }: Refusal): Answer {
  return { status, headers, body: { errors: [{ code, message, detail: null }] } };
}
