// The moments at which the operator is killed: chosen by a seed over what an undisturbed telling of the story went through.
import { createHash } from 'node:crypto';

/** Where in a chapter the operator is killed. */
export interface Moment {
  /** Index into what the undisturbed chapter went through: it is killed at the first event that is there or later. */
  readonly place: number;
  /** Milliseconds from the event to the signal. */
  readonly delay: number;
  /** Whether the next call waits until the host has ended what the killed one had begun there. */
  readonly patient: boolean;
}

/** Numbers from 0 to below 1 that follow from the seed and the word alone. */
export function seededNumbers(seed: string, word: string): () => number {
  let count = 0;
  return () => {
    count += 1;
    return createHash('sha256').update(`${seed}/${word}/${count}`).digest().readUInt32BE() / 2 ** 32;
  };
}

const LONGEST_DELAY = 500;
/** How many of the next calls come at once, as from a shell loop. */
const IMPATIENT = 2 / 3;

/** As many moments as wanted, one in each of so many equal parts of the chapter's events: each call is killed further on than the one before. */
export function chooseMoments(random: () => number, events: number, count: number): readonly Moment[] {
  return Array.from({ length: count }, (_, index) => ({
    place: Math.floor(((index + random()) * events) / count),
    delay: Math.floor(random() * LONGEST_DELAY),
    patient: random() > IMPATIENT,
  }));
}

/** Shares a number of moments out over chapters by their weight; the first ones get what is left over. */
export function shareMoments(count: number, weights: readonly number[]): readonly number[] {
  const whole = weights.reduce((sum, weight) => sum + weight, 0);
  const shares = weights.map((weight) => Math.floor((count * weight) / whole));
  let left = count - shares.reduce((sum, share) => sum + share, 0);
  return shares.map((share) => share + (left-- > 0 ? 1 : 0));
}
