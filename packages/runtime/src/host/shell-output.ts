import { StringDecoder } from 'node:string_decoder';

/** A line that tells an end is shorter, and comes in fewer pieces. */
const MARKER_LENGTH = 100;
const MARKER_PIECES = 100;

export interface CollectorOptions {
  readonly nonce: string;
  /** Which script's output this is. */
  readonly count: number;
  /** Characters that are kept (`tail`: up to twice as many). */
  readonly limit: number;
  /** What happens to more: the first ones go (`tail`), or nothing more is kept and the function is called. */
  readonly overflow: 'tail' | (() => void);
  readonly onLine?: ((line: string) => void) | undefined;
}

/** One output stream of one script, line by line up to the loop's word of its end. Memory is bounded, whatever the script prints. */
export class Collector {
  readonly #options: CollectorOptions;
  readonly #decoder = new StringDecoder('utf8');
  /** The line that is not complete yet, in pieces: joining them for each chunk would take quadratic time. */
  #pending: string[] = [];
  #lines: string[] = [];
  /** Of the complete lines and of the pending one. */
  #size = 0;
  #full = false;
  /** The exit status, once the end was told. */
  status: number | undefined;

  constructor(options: CollectorOptions) {
    this.#options = options;
  }

  push(chunk: Buffer): void {
    const [first = '', ...lines] = this.#decoder.write(chunk).split('\n');
    this.#add(first);
    for (const line of lines) {
      this.#endLine();
      this.#add(line);
    }
  }

  /** What was printed; a line break at its end is left out. */
  text(): string {
    return this.#lines.join('\n');
  }

  #add(part: string): void {
    if (part === '' || this.status !== undefined) return;
    if (this.#full) {
      // Of what is not kept, only as much as tells whether it is the end.
      if (this.#pending.length < MARKER_PIECES) this.#pending.push(part.slice(0, MARKER_LENGTH));
      return;
    }
    this.#pending.push(part);
    this.#size += part.length;
    const { limit, overflow } = this.#options;
    if (overflow === 'tail') {
      if (this.#size > 2 * limit) this.#shorten(limit);
    } else if (this.#size > limit) {
      this.#full = true;
      this.#pending = [];
      overflow();
    }
  }

  /** Drops lines from the front; rarely and many at once, because each time costs as much as there is. */
  #shorten(limit: number): void {
    const pending = this.#pending.join('').slice(-limit);
    let size = pending.length;
    let first = this.#lines.length;
    while (first > 0 && size < limit) {
      first -= 1;
      size += (this.#lines[first] ?? '').length + 1;
    }
    this.#pending = [pending];
    this.#lines = this.#lines.slice(first);
    this.#size = size;
  }

  #endLine(): void {
    const line = this.#pending.join('');
    this.#pending = [];
    if (this.status !== undefined) return;
    if (line.startsWith(`${this.#options.nonce} `)) this.#ended(line);
    else if (this.#full) return;
    else {
      this.#size += 1;
      this.#lines.push(line);
      if (line !== '') this.#options.onLine?.(line);
    }
  }

  #ended(line: string): void {
    // The line break that the loop prints first.
    if (this.#lines.at(-1) === '') this.#lines.pop();
    const [, count, status] = line.split(' ');
    // A script that was cancelled as it ended has its end told twice, and the second one comes late.
    if (Number(count) === this.#options.count) this.status = Number(status);
  }
}
