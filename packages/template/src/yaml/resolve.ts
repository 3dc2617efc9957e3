// What a plain YAML scalar means to go-yaml v2, which sigs.k8s.io/yaml and so Helm and sealos use: YAML 1.1, with exceptions.
import { parseFloating, parseInteger } from '../number.ts';

const NULLS: ReadonlySet<string> = new Set(['', '~', 'null', 'Null', 'NULL']);
const TRUES: ReadonlySet<string> = new Set(['y', 'Y', 'yes', 'Yes', 'YES', 'true', 'True', 'TRUE', 'on', 'On', 'ON']);
const FALSES: ReadonlySet<string> = new Set(['n', 'N', 'no', 'No', 'NO', 'false', 'False', 'FALSE', 'off', 'Off', 'OFF']);
const NAMED_FLOATS: ReadonlyMap<string, number> = new Map([
  ...['.nan', '.NaN', '.NAN'].map((name) => [name, Number.NaN] as const),
  ...['.inf', '.Inf', '.INF', '+.inf', '+.Inf', '+.INF'].map((name) => [name, Number.POSITIVE_INFINITY] as const),
  ...['-.inf', '-.Inf', '-.INF'].map((name) => [name, Number.NEGATIVE_INFINITY] as const),
]);
const FLOAT = /^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$/;
const BASE_60 = /^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?$/;
const DATE =
  /^([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})(?:(?:[Tt]([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?:[.,][0-9]+)?(?:Z|[+-][0-9]{2}:[0-9]{2}))|(?: ([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?:[.,][0-9]+)?))?$/;

export type Scalar = null | boolean | number | bigint | string;

/** Whether go-yaml takes the text for a time. It quotes such strings, and reads plain ones as strings. */
function isTimestamp(text: string): boolean {
  const match = DATE.exec(text);
  if (match === null) return false;
  const [year = 0, month = 0, day = 0, ...clock] = match.slice(1).map((part) => (part === undefined ? 0 : Number(part)));
  const [hour, minute, second] = match[4] === undefined ? clock.slice(3) : clock;
  const days = new Date(Date.UTC(year, month, 0)).getUTCDate();
  return month >= 1 && month <= 12 && day >= 1 && day <= days && (hour ?? 0) < 24 && (minute ?? 0) < 60 && (second ?? 0) < 60;
}

function resolveNumber(text: string): number | bigint | undefined {
  const plain = text.replaceAll('_', '');
  const integer = parseInteger(plain);
  if (integer !== undefined && integer >= -(1n << 63n) && integer < 1n << 64n) return integer;
  return FLOAT.test(plain) ? parseFloating(plain) : undefined;
}

/** The value of a plain scalar: null, boolean, integer, float, or the text itself. */
export function resolvePlain(text: string): Scalar {
  if (NULLS.has(text)) return null;
  if (TRUES.has(text)) return true;
  if (FALSES.has(text)) return false;
  const named = NAMED_FLOATS.get(text);
  if (named !== undefined) return named;
  if (text.startsWith('.')) return parseFloating(text) ?? text;
  if (!/^[-+0-9]/.test(text) || isTimestamp(text)) return text;
  return resolveNumber(text) ?? text;
}

/** Whether the text, written plain, would be read as something else than itself. */
export function needsQuotes(text: string): boolean {
  return typeof resolvePlain(text) !== 'string' || isTimestamp(text) || BASE_60.test(text);
}
