// An instant in a time zone: Go's time.Time.
import { UTC, type Zone } from './zone.ts';

export interface Instant {
  /** Nanoseconds since 1970, negative before. */
  readonly nanoseconds: bigint;
  readonly zone: Zone;
}

export interface Civil {
  readonly year: number;
  /** From 1. */
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly nanosecond: number;
  /** From 0, Sunday. */
  readonly weekday: number;
  readonly yearDay: number;
  /** Seconds east of UTC. */
  readonly offset: number;
  readonly abbreviation: string;
}

const BILLION = 1_000_000_000n;
const DAY = 86_400_000;

export const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
] as const;
export const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'] as const;

/** Go's zero time: the first of January of the year 1. */
export const ZERO_TIME: Instant = { nanoseconds: -62_135_596_800n * BILLION, zone: UTC };

/** Whole seconds since 1970, rounded down. */
export function unixSeconds({ nanoseconds }: Instant): bigint {
  const seconds = nanoseconds / BILLION;
  return nanoseconds % BILLION < 0n ? seconds - 1n : seconds;
}

/** The instant as a clock and a calendar in its zone show it. */
export function civil(instant: Instant): Civil {
  const seconds = unixSeconds(instant);
  const { offset, abbreviation } = instant.zone.at(Number(seconds) * 1000);
  const date = new Date((Number(seconds) + offset) * 1000);
  const year = date.getUTCFullYear();
  return {
    year,
    month: date.getUTCMonth() + 1,
    day: date.getUTCDate(),
    hour: date.getUTCHours(),
    minute: date.getUTCMinutes(),
    second: date.getUTCSeconds(),
    nanosecond: Number(instant.nanoseconds - seconds * BILLION),
    weekday: date.getUTCDay(),
    yearDay: Math.floor((date.getTime() - utcMilliseconds(year, 1, 1)) / DAY) + 1,
    offset,
    abbreviation,
  };
}

/** Milliseconds of a UTC date; years below 100 are meant as they are. */
function utcMilliseconds(year: number, month: number, day: number): number {
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  return date.getTime();
}

/** The instant of a date and a clock time in a zone; out-of-range parts carry over, as in Go's time.Date. */
export function fromCivil(
  date: Pick<Civil, 'year' | 'month' | 'day'>,
  clock: Pick<Civil, 'hour' | 'minute' | 'second' | 'nanosecond'>,
  zone: Zone,
): Instant {
  const local = utcMilliseconds(date.year, date.month, date.day) / 1000 + clock.hour * 3600 + clock.minute * 60 + clock.second;
  const guess = local - zone.at(local * 1000).offset;
  const seconds = local - zone.at(guess * 1000).offset;
  return { nanoseconds: BigInt(seconds) * BILLION + BigInt(clock.nanosecond), zone };
}

/** Days in a month. */
export function daysIn(year: number, month: number): number {
  return new Date(utcMilliseconds(year, month + 1, 0)).getUTCDate();
}
