import { setTimeout as pause } from 'node:timers/promises';

/**
 * Asks again and again until the answer is not undefined, with a rest between (milliseconds). Throws with the last failure when the time
 * (milliseconds) is over.
 */
export async function until<T>(what: string, timeout: number, ask: () => Promise<T | undefined>, rest = 250): Promise<T> {
  const end = Date.now() + timeout;
  let last: unknown;
  while (Date.now() < end) {
    try {
      const answer = await ask();
      if (answer !== undefined) return answer;
    } catch (error) {
      last = error;
    }
    await pause(rest);
  }
  const why = last instanceof Error ? `: ${last.message}` : '';
  throw new Error(`waited ${timeout / 1000} s for ${what}${why}`);
}
