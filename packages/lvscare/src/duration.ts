import { CareError } from './error.ts';

const UNITS: Readonly<Record<string, number>> = { ns: 1e-6, us: 1e-3, µs: 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Milliseconds of a duration as Go writes it (`5s`, `1m30s`, `500ms`); bare digits are seconds, as the oldest guards had them. Throws bad input. */
export function parseDuration(text: string, what: string): number {
  if (/^\d+$/.test(text) && Number(text) > 0) return Number(text) * 1000;
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g)];
  const total = parts.reduce((sum, [, number = '0', unit = 's']) => sum + Number(number) * (UNITS[unit] ?? 0), 0);
  if (parts.map(([part]) => part).join('') !== text || total <= 0)
    throw new CareError(`${what} is '${text}': write a time such as 5s or 500ms`, 2);
  return total;
}
