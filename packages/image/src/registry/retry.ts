import { setTimeout as wait } from 'node:timers/promises';

/** How often and how long a request that failed for a passing reason is tried again. Times in milliseconds. */
export interface RetryPolicy {
  /** Tries in all, the first one included. A download or upload that got on since the last failure starts counting anew. */
  readonly attempts: number;
  /** The first wait is at most this long, each further one at most twice the one before. */
  readonly delay: number;
  readonly longestDelay: number;
  /** A registry that asks (Retry-After) for more patience than this has failed. */
  readonly patience: number;
}

export const DEFAULT_RETRY: RetryPolicy = { attempts: 6, delay: 500, longestDelay: 15_000, patience: 120_000 };

/**
 * Whether a try that failed moved enough of a content to start counting anew: a server that lets a few bytes through each time would
 * otherwise keep a transfer for ever.
 */
export function isGettingOn(bytes: number, size: number): boolean {
  return bytes >= Math.max(64 * 1024, size / 1000);
}

/** One request is about to be tried again. */
export interface RetryEvent {
  readonly kind: 'retry';
  /** What is done, e.g. `pull localhost:5000/app:1`. */
  readonly what: string;
  readonly why: string;
  /** Milliseconds until then. */
  readonly delay: number;
}

/**
 * The wait before the next try in milliseconds: anything between 0 and the policy's bound ("full jitter": many clients that failed
 * together do not come back together), and not less than what the registry asked for. Undefined when there should be no next try.
 */
export function delayBefore(failures: number, policy: RetryPolicy, asked?: number): number | undefined {
  if (failures >= policy.attempts) return undefined;
  if (asked !== undefined && asked > policy.patience) return undefined;
  // "Retry-After: 0" is no leave to ask again and again at once.
  return Math.max(asked ?? 0, Math.random() * Math.min(policy.longestDelay, policy.delay * 2 ** (failures - 1)));
}

/** `Retry-After` (RFC 9110 §10.2.3: seconds or a date) in milliseconds from `now` on. */
export function parseRetryAfter(header: string | undefined, now: number = Date.now()): number | undefined {
  if (header === undefined) return undefined;
  if (/^\d+$/.test(header.trim())) return Number(header) * 1000;
  // A date has a name of its month: "-5" and "1.5" are dates to JavaScript alone.
  const date = /[a-z]{3}/i.test(header) ? Date.parse(header) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

export async function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  await wait(milliseconds, undefined, { signal });
}

const PASSING = new Set([
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'UND_ERR_SOCKET',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'UND_ERR_RES_CONTENT_LENGTH_MISMATCH',
]);

// From a registry that answered before, these pass too: it is being restarted.
const PASSING_LATER = new Set(['EAI_AGAIN', 'ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'ENETDOWN', 'ENOTFOUND']);

/** The code of a system, TLS or HTTP client error, or of the one that caused it. */
export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if ('code' in error && typeof error.code === 'string') return error.code;
  return codeOf(error.cause);
}

/** Whether a failed request may well succeed when it is sent again. */
export function isPassing(error: unknown, answeredBefore: boolean): boolean {
  const code = codeOf(error);
  if (code === undefined) return false;
  // HPE_*: the HTTP parser met the end, or the rest of another answer, inside a message.
  return PASSING.has(code) || (answeredBefore && (PASSING_LATER.has(code) || code.startsWith('HPE_')));
}

/** Statuses that ask for another try (RFC 9110 §15). */
export function isBusy(status: number): boolean {
  return status === 408 || status === 429 || status === 500 || status === 502 || status === 503 || status === 504;
}
