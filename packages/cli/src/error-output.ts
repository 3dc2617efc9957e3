import { CommanderError } from 'commander';

interface ReadableError extends Error {
  readonly code: string;
  readonly exitCode: number;
  readonly hint?: string | undefined;
}

/** Every package's own errors carry these members; whatever does not is a bug of ours. */
function isReadable(error: unknown): error is ReadableError {
  return (
    error instanceof Error &&
    'code' in error &&
    typeof error.code === 'string' &&
    'exitCode' in error &&
    typeof error.exitCode === 'number' &&
    !(error instanceof CommanderError)
  );
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && (error.name === 'AbortError' || ('code' in error && error.code === 'ABORT_ERR'));
}

const refusals: Readonly<Record<string, string>> = {
  EACCES: 'no permission',
  EPERM: 'not permitted',
  EROFS: 'the file system is read-only',
  ENOSPC: 'no space left on the disk',
  EDQUOT: 'the disk quota is used up',
  EIO: 'the disk fails (input/output error)',
  EMFILE: 'too many files are open',
};

/** What the machine refuses, wherever that happens, is no fault of sealos. */
function refusalOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || !('path' in error)) return undefined;
  const why = refusals[String(error.code)];
  return why === undefined ? undefined : `${String(error.path)}: ${why}`;
}

/** Whoever read standard output is gone: `sealos save NAME | head`. */
function isUnread(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EPIPE' && 'syscall' in error && error.syscall === 'write';
}

/**
 * Prints what went wrong, one line and a hint, on stderr; with `debug` the stack trace and the causes too. Returns the exit status:
 * 2 bad input, 130 interrupted, 1 everything else.
 */
export function reportError(error: unknown, options: { readonly debug: boolean; readonly interrupted: boolean }): number {
  const print = (text: string) => process.stderr.write(`${withoutControls(text)}\n`);
  // Commander has printed its own message, or the help that was asked for.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (options.interrupted || isAbort(error)) {
    print('sealos: interrupted');
    return 130;
  }
  if (isUnread(error)) {
    print('sealos: the output was not read to its end');
    return 1;
  }
  if (options.debug && error instanceof Error) console.error(error);
  if (isReadable(error)) {
    print(`sealos: ${error.message}`);
    if (error.hint) print(`  ${error.hint}`);
    return error.exitCode;
  }
  const refusal = refusalOf(error);
  if (refusal !== undefined) {
    print(`sealos: ${refusal}`);
    return 1;
  }
  const text = error instanceof Error ? error.message : String(error);
  print(`sealos: unexpected: ${text}`);
  print('  This is a fault in sealos, please report it; --debug shows where it happened.');
  return 1;
}

/** A message may quote names of strangers and the output of programs: what a terminal would obey, or show the wrong way round, is left out. */
function withoutControls(text: string): string {
  return text.replace(/[^\P{Cc}\n\t]|[\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, '?');
}
