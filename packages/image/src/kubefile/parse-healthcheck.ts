import type { Healthcheck } from './instruction.ts';
import { flagOf, jsonForm, type Refuse } from './parse-files.ts';

/** HEALTHCHECK: `NONE`, or flags and `CMD` with a command. */
export function parseHealthcheck(flags: readonly string[], rest: string, refuse: Refuse): Healthcheck {
  const [, kind = '', command = ''] = /^(\S*)\s*([\s\S]*)$/.exec(rest) ?? [];
  if (kind.toUpperCase() === 'NONE') {
    if (flags.length > 0 || command !== '') throw refuse('HEALTHCHECK NONE takes nothing else');
    return { Test: ['NONE'] };
  }
  if (kind.toUpperCase() !== 'CMD' || command === '') throw refuse('HEALTHCHECK is NONE, or CMD with a command');
  let check: Healthcheck = { Test: [] };
  for (const flag of flags) {
    const { key, value } = flagOf(flag);
    if (key === 'retries') check = { ...check, Retries: retries(value, refuse) };
    else if (key === 'interval') check = { ...check, Interval: duration(flag, value, refuse) };
    else if (key === 'timeout') check = { ...check, Timeout: duration(flag, value, refuse) };
    else if (key === 'start-period') check = { ...check, StartPeriod: duration(flag, value, refuse) };
    else if (key === 'start-interval') check = { ...check, StartInterval: duration(flag, value, refuse) };
    else throw refuse(`HEALTHCHECK knows no flag '${flag}'`);
  }
  const words = jsonForm(command, refuse);
  const { Test: _, ...times } = check;
  return { Test: words === undefined ? ['CMD-SHELL', command] : ['CMD', ...words], ...times };
}

function retries(value: string | undefined, refuse: Refuse): number {
  if (value === undefined || !/^\d{1,6}$/.test(value)) throw refuse(`--retries=${value ?? ''} is not a number`);
  return Number(value);
}

const UNITS: Readonly<Record<string, number>> = { ns: 1, us: 1e3, µs: 1e3, ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 };

// Go's time.ParseDuration, which the field is made of: nanoseconds.
function duration(flag: string, value: string | undefined, refuse: Refuse): number {
  const parts = [...(value ?? '').matchAll(/(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)/g)];
  const isWhole = parts.length > 0 && parts.map(([whole]) => whole).join('') === value;
  if (value !== '0' && !isWhole) throw refuse(`'${flag}' is not a time such as 30s or 1m30s`);
  const nanoseconds = Math.round(parts.reduce((sum, [, count, unit]) => sum + Number(count) * (UNITS[unit ?? ''] ?? 0), 0));
  if (nanoseconds !== 0 && nanoseconds < 1e6) throw refuse(`'${flag}' is less than a millisecond`);
  return nanoseconds;
}
