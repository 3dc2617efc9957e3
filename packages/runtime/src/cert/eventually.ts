import { setTimeout as pause } from 'node:timers/promises';

const INTERVAL = 500;

/** Asks again and again until the answer is yes; false when `timeout` milliseconds have passed. Rejects when it is aborted. */
export async function eventually(timeout: number, signal: AbortSignal, ask: () => Promise<boolean>): Promise<boolean> {
  const end = performance.now() + timeout;
  for (;;) {
    signal.throwIfAborted();
    if (await ask()) return true;
    if (performance.now() > end) return false;
    await pause(INTERVAL, undefined, { signal });
  }
}
