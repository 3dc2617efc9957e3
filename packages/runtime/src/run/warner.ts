import type { OnRunEvent } from '../event.ts';

/** Tells each warning once. */
export function warner(onEvent: OnRunEvent): (message: string, host?: string) => void {
  const warned = new Set<string>();
  return (message, host) => {
    if (warned.has(message)) return;
    warned.add(message);
    onEvent({ at: new Date().toISOString(), kind: 'warning', message, ...(host === undefined ? {} : { host }) });
  };
}
