import { Readable } from 'node:stream';
import { codeOf, isGettingOn, isPassing } from './retry.ts';

/** An open answer: its bytes begin at `start`, which is before the offset asked for when the server does not do ranges. */
export interface OpenContent {
  readonly body: Readable;
  readonly start: number;
}

export interface DownloadOptions {
  readonly offset: number;
  /** Of the whole content, in bytes. */
  readonly size: number;
  readonly open: (offset: number, signal: AbortSignal) => Promise<OpenContent>;
  /** Waits before the next try; false when there should be none. `failures`: in a row, that got on too little between them. */
  readonly retry: (failures: number, why: string) => Promise<boolean>;
  /** The error to end with when nothing more is tried. */
  readonly giveUp: (error: unknown, received: number) => unknown;
  readonly signal?: AbortSignal | undefined;
}

const AHEAD = 1024 * 1024;

/**
 * A content's bytes as one stream, from `offset` to its end: where the connection breaks or stalls, it goes on from the byte
 * reached. Nothing is asked for before the first read; whoever destroys the stream ends the request.
 */
export function download(options: DownloadOptions): Readable {
  const stop = new AbortController();
  const signal = options.signal === undefined ? stop.signal : AbortSignal.any([options.signal, stop.signal]);
  let started = false;
  let wake: (() => void) | undefined;
  const stream = new Readable({
    highWaterMark: AHEAD,
    read() {
      wake?.();
      if (started) return;
      started = true;
      pump(options, signal, push).then(
        () => stream.push(null),
        (error: unknown) => stream.destroy(error instanceof Error ? error : new Error(String(error))),
      );
    },
    destroy(error, done) {
      stop.abort(error ?? undefined);
      wake?.();
      done(error);
    },
  });
  const push = async (chunk: Buffer): Promise<void> => {
    if (stream.push(chunk) || stream.destroyed) return;
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
    wake = undefined;
  };
  return stream;
}

async function pump(options: DownloadOptions, signal: AbortSignal, push: (chunk: Buffer) => Promise<void>): Promise<void> {
  const { size } = options;
  let at = options.offset;
  for (let failures = 0; ; ) {
    const before = at;
    let failure: unknown;
    try {
      const { body, start } = await options.open(at, signal);
      let skip = at - start;
      for await (const chunk of body) {
        const rest = skip === 0 ? chunk : chunk.subarray(Math.min(skip, chunk.length));
        skip -= chunk.length - rest.length;
        if (rest.length === 0) continue;
        at += rest.length;
        await push(rest);
      }
      if (at >= size) return;
      failure = undefined;
    } catch (error) {
      signal.throwIfAborted();
      if (!isPassing(error, true)) throw options.giveUp(error, at);
      failure = error;
    }
    failures = isGettingOn(at - before, size) ? 1 : failures + 1;
    const why = failure === undefined ? 'the answer ended too early' : `the connection broke (${codeOf(failure)})`;
    if (!(await options.retry(failures, `${why} after ${at} of ${size} bytes`))) throw options.giveUp(failure, at);
  }
}
