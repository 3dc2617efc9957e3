import type { RunEvent } from '@sealos/runtime';

/** An event as one line of JSON, as `--log-format json` prints it and the journal keeps it. */
export function jsonLine(event: RunEvent): string {
  return `${JSON.stringify(event)}\n`;
}
