import { type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Compression, decompress } from '@sealos/image';
import { connectionLost, HostError } from '../error.ts';
import type { UnpackOptions } from './host.ts';
import { quote } from './script.ts';
import { type Identity, type RunningBash, startBash } from './start-bash.ts';
import type { Transport } from './transport.ts';

const KEPT_COMPLAINTS = 8 * 1024;
const SHOWN_COMPLAINTS = 5;
/** How long tar may take to end once its input was closed, in milliseconds. */
const GRACE = 10_000;
/** What tar says of each file once nothing more can be written: the rest need not be sent. */
const HOPELESS = /No space left on device|Wrote only \d+ of|Disk quota exceeded|Read-only file system/;

export interface UnpackWay {
  readonly transport: Transport;
  readonly identity: Identity;
  /** Process id on the host of the shell's loop, which ends when the operator is gone. */
  readonly loop: number;
  /** Names of the decompressors that the host has. */
  readonly programs: readonly string[];
}

/** Streams an archive into a directory over a channel of its own, decompressed there where the host can, else here on the way. */
export async function unpack(way: UnpackWay, body: Readable, into: string, options: UnpackOptions): Promise<void> {
  const { compression, signal } = options;
  try {
    const program = compression !== 'none' && way.programs.includes(compression) ? compression : undefined;
    signal?.throwIfAborted();
    await send(way, body, into, options, program);
  } finally {
    body.destroy();
  }
}

/**
 * tar, and beside it a watch: what reads an archive would wait for the rest for hours when the operator vanished without a goodbye. The
 * loop notices that (shell-loop.ts), so both end with it: the whole process group, which is this command's own.
 */
function remoteProgram(into: string, exclude: readonly string[], program: 'gzip' | 'zstd' | undefined, loop: number): string {
  const tar = [
    ...['tar', '-x', '-f', '-', '-C', into, '--numeric-owner', '--same-owner', '--same-permissions', '--anchored'],
    // Capabilities of programs; other attributes (SELinux labels) belong to the system that made the image.
    ...['--xattrs', '--xattrs-include=security.capability'],
  ];
  const apart =
    excluding('--no-wildcards', exclude.filter(isLine)) +
    excluding('--wildcards', exclude.filter((path) => !isLine(path)).map(escapePattern));
  const reader = { gzip: 'gzip -dc | ', zstd: 'zstd -dcq --long=31 | ' };
  return `export LC_ALL=C PATH="\${PATH:+$PATH:}/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
umask 022
set -o pipefail
mkdir -p -- ${quote(into)} || exit
( while kill -0 ${loop}; do sleep 2; done; kill -KILL 0 ) </dev/null >/dev/null 2>&1 &
sealos_watch=$!
${program === undefined ? '' : reader[program]}${tar.map(quote).join(' ')}${apart}
sealos_status=$?
kill -KILL "$sealos_watch"
exit $sealos_status`;
}

/** An argument list holds only so many names: tar reads them from a file, one a line. Those without wildcards it looks up in a table. */
function excluding(how: '--wildcards' | '--no-wildcards', paths: readonly string[]): string {
  if (paths.length === 0) return '';
  const lines = paths.flatMap((path) => [path, `./${path}`]).map(quote);
  return ` ${how} -X <(printf '%s\\n' ${lines.join(' ')})`;
}

/** Whether tar would read a name from a line as it is: it cuts off space at the end. */
function isLine(path: string): boolean {
  return !/\n|[ \t\v\f\r]$/.test(path);
}

/** As a pattern in which `?` stands for what a line cannot hold. */
function escapePattern(path: string): string {
  return path.replaceAll(/[*?[\\]/g, '\\$&').replaceAll(/[\n \t\v\f\r]/g, '?');
}

async function send(
  { transport, identity, loop }: UnpackWay,
  body: Readable,
  into: string,
  options: UnpackOptions,
  program: 'gzip' | 'zstd' | undefined,
): Promise<void> {
  const { signal, title } = options;
  const stop = new AbortController();
  let complaints = '';
  const bash = await startBash(transport, identity, remoteProgram(into, options.exclude ?? [], program, loop), {
    title,
    onStdout: () => {},
    onStderr: (chunk) => {
      if (complaints.length < KEPT_COMPLAINTS) complaints += chunk.toString();
      if (HOPELESS.test(complaints)) stop.abort();
    },
    signal,
  });
  let hostFailed = false;
  let archiveError: unknown;
  for (const event of ['error', 'close']) {
    bash.stdin.once(event, () => {
      hostFailed = true;
    });
  }
  // A failure of either side ends the other one's stream as well: the first one counts.
  body.once('error', (error) => {
    if (!hostFailed && !stop.signal.aborted) archiveError = error;
  });
  const counted = counter(options.onBytes);
  const onAbort = () => stop.abort();
  signal?.addEventListener('abort', onAbort, { once: true });
  let grace: NodeJS.Timeout | undefined;
  try {
    const sending = sendAll(body, counted, program === undefined ? options.compression : 'none', bash, stop.signal);
    const [failure] = await Promise.all([
      sending.then(
        () => undefined,
        (error: unknown) => {
          bash.end();
          grace = setTimeout(() => transport.destroy('it was told to end, and the host did not answer'), GRACE);
          return { error };
        },
      ),
      // Where tar ends before its input does, nobody reads the rest.
      bash.exit.then(() => stop.abort()),
    ]);
    signal?.throwIfAborted();
    const status = await bash.exit;
    // Before the host's own words, which follow from it: the archive could not be read here.
    if (archiveError !== undefined) throw archiveError;
    if (failure && !isCut(failure.error, stop.signal)) throw failure.error;
    // Without the second condition, tar would be content with an archive that broke off between two files. With it, it is no matter that
    // tar was gone before the stream to it was closed.
    if (status === 0 && body.readableEnded) return;
    throw unpackError(identity.name, into, title, status, complaints, transport.lostBecause());
  } finally {
    clearTimeout(grace);
    signal?.removeEventListener('abort', onAbort);
  }
}

function counter(onBytes: ((sent: number) => void) | undefined): Transform {
  let sent = 0;
  return new Transform({
    highWaterMark: 1024 * 1024,
    transform(chunk: Buffer, _encoding, done) {
      sent += chunk.length;
      onBytes?.(sent);
      done(null, chunk);
    },
  });
}

async function sendAll(
  body: Readable,
  counted: Transform,
  compression: Compression,
  bash: RunningBash,
  signal: AbortSignal,
): Promise<void> {
  const reading = pipeline(body, counted, { signal });
  reading.catch(() => {}); // awaited below; what comes of it in the second pipeline is told first
  await pipeline(decompress(counted, compression), bash.stdin, { signal });
  await reading;
}

// ECANCELED: libuv takes back a write that waits when its pipe is closed.
const CUT = new Set(['EPIPE', 'ECANCELED', 'ECONNRESET', 'ERR_STREAM_PREMATURE_CLOSE', 'ERR_STREAM_WRITE_AFTER_END']);

/** Whether sending only ended because the other side did. */
function isCut(error: unknown, signal: AbortSignal): boolean {
  if (signal.aborted && error instanceof Error && error.name === 'AbortError') return true;
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && CUT.has(error.code);
}

function unpackError(
  host: string,
  into: string,
  title: string,
  status: number | undefined,
  complaints: string,
  lostBecause: string | undefined,
): HostError {
  const hopeless = HOPELESS.exec(complaints)?.[0];
  if (hopeless === undefined && status === undefined) return connectionLost(host, title, lostBecause);
  const details = { host, title, commandStatus: status, output: complaints };
  if (hopeless === 'Read-only file system') {
    return new HostError('read-only', `'${title}' failed: the disk of ${into} is read-only`, details);
  }
  if (hopeless !== undefined) {
    return new HostError('disk-full', `'${title}' failed: the disk of ${into} is full`, {
      ...details,
      hint: 'make room there, then run the same command again',
    });
  }
  const lines = complaints.split('\n').filter((line) => line.trim() !== '');
  const shown = lines.slice(0, SHOWN_COMPLAINTS).map((line) => `\n    ${line}`);
  return new HostError(
    'unpack-failed',
    `'${title}' into ${into} failed (${status === 0 ? 'the archive was not sent to its end' : `exit status ${status}`})${shown.length > 0 ? ':' : ''}${shown.join('')}`,
    details,
  );
}
