import { createHash } from 'node:crypto';
import { posix } from 'node:path';
import type { Host } from '../host/host.ts';
import { type Script, script } from '../host/script.ts';
import type { HostLayout } from '../layout.ts';

/** The hash of a step's whole input: when it changes, the step is done again. */
export function inputHash(...input: readonly unknown[]): string {
  const stable = (_key: string, value: unknown) => (value instanceof Map ? [...value] : value);
  return createHash('sha256').update(JSON.stringify(input, stable)).digest('hex');
}

/**
 * The hash of a script with its environment. The version of this program, which scripts may ask for, does not count: a newer program
 * alone is no reason to do anything again.
 */
export function scriptHash({ text }: Script): string {
  return inputHash(text.replaceAll(/^export SEALOS_SYS_SEALOS_VERSION=.*$/gm, ''));
}

/** In place of a hash: the step was done by another program, whose input is not known. */
export const ADOPTED = 'adopted';

/** The name of the file that records a step. */
export function markerName(id: string): string {
  return id.replaceAll(/[^A-Za-z0-9._-]/g, '_');
}

function markerPath(layout: HostLayout, id: string): string {
  return posix.join(layout.markers, markerName(id));
}

/** The input hash with which a step was last finished on this host, or undefined. */
export async function readMarker(host: Host, layout: HostLayout, id: string, signal: AbortSignal): Promise<string | undefined> {
  const path = markerPath(layout, id);
  const { stdout } = await host.run(script`if [ -f ${path} ]; then cat ${path}; fi`, { title: `reading whether '${id}' is done`, signal });
  return stdout.trim() || undefined;
}

/**
 * Bash that records a step as finished. It goes at the end of the step's own script, so that nothing lies between the two but the
 * host's own power: an operator that dies in between leaves a step that is done and says so.
 */
export function writeMarker(layout: HostLayout, id: string, hash: string): Script {
  const path = markerPath(layout, id);
  return script`mkdir -p -m 0700 ${layout.markers} && printf '%s\n' ${hash} > ${`${path}.new`} && mv -f ${`${path}.new`} ${path}`;
}

export function removeMarkers(layout: HostLayout, ids: readonly string[]): Script {
  return script`rm -f ${ids.map((id) => markerPath(layout, id))}`;
}

/** Runs a command, and records the step when it ended well; fails with the command's own exit status otherwise. */
export function finishing(work: Script, layout: HostLayout, id: string, hash: string): Script {
  return script`( ${work}
) || exit $?
${writeMarker(layout, id, hash)}`;
}
