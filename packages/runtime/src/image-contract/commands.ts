import type { Environment } from '../cluster/cluster.ts';
import type { Script } from '../host/script.ts';

/** `$(V)`, `${V}` and `$V` of known keys, as their values; all else as written, for the shell. */
export function expandCommand(_line: string, _env: Environment): string {
  throw new Error('not reached');
}

/** A lifecycle script: exports, then `bash LABEL` in `cwd`. The label is shell text of the image. */
export function scriptLine(_label: string, _env: Environment, _cwd: string): Script {
  throw new Error('not reached');
}

/** An image's commands in `cwd`: each its own shell line; the first that fails ends it (or, with `keepGoing`, the last status counts). */
export function guestScript(
  _commands: readonly string[],
  _env: Environment,
  _cwd: string,
  _options?: { readonly keepGoing?: boolean | undefined },
): Script {
  throw new Error('not reached');
}
