// sprig: dates and durations.
import { FunctionError } from '../error.ts';
import { type Context, type FunctionMap, fn } from '../function.ts';
import { durationProblem, durationText, parseDuration } from '../time/duration.ts';
import { civil, fromCivil, type Instant, unixSeconds, ZERO_TIME } from '../time/instant.ts';
import { formatTime, timeText } from '../time/layout.ts';
import { parseTime } from '../time/parse.ts';
import { loadZone, localZone, UTC } from '../time/zone.ts';
import { type Instance, int, int64, isInstance, isInt, type Value } from '../value.ts';

const SECOND = 1_000_000_000n;
const MILLISECOND = 1_000_000n;
const TYPE = 'time.Time';

const INSTANTS = new WeakMap<object, Instant>();

function instantOf(value: Instance): Instant {
  return INSTANTS.get(value.native) ?? ZERO_TIME;
}

function methods(instant: Instant): Instance['methods'] {
  const time = civil(instant);
  const part = (value: number) => fn([], () => int(value));
  const compared = (test: (difference: bigint) => boolean) =>
    fn(['time'], (other) => test(instant.nanoseconds - instantOf(other).nanoseconds));
  return {
    Format: fn(['string'], (layout) => formatTime(instant, layout)),
    String: fn([], () => timeText(instant)),
    Unix: fn([], () => int64(unixSeconds(instant))),
    UnixMilli: fn([], () => int64(instant.nanoseconds / MILLISECOND)),
    UnixNano: fn([], () => int64(instant.nanoseconds)),
    Year: part(time.year),
    Month: fn([], () => int(time.month, 'time.Month')),
    Day: part(time.day),
    Hour: part(time.hour),
    Minute: part(time.minute),
    Second: part(time.second),
    Nanosecond: part(time.nanosecond),
    YearDay: part(time.yearDay),
    Weekday: fn([], () => int(time.weekday, 'time.Weekday')),
    UTC: fn([], () => timeValue({ ...instant, zone: UTC })),
    Local: fn([], () => timeValue({ ...instant, zone: localZone() })),
    AddDate: fn(['int', 'int', 'int'], (years, months, days) => {
      const { year, month, day } = time;
      return timeValue(fromCivil({ year: year + years, month: month + months, day: day + days }, time, instant.zone));
    }),
    IsZero: fn([], () => instant.nanoseconds === ZERO_TIME.nanoseconds),
    Before: compared((difference) => difference < 0n),
    After: compared((difference) => difference > 0n),
    Equal: compared((difference) => difference === 0n),
  };
}

function timeValue(instant: Instant): Instance {
  INSTANTS.set(instant, instant);
  let known: Instance['methods'] | undefined;
  return {
    kind: 'instance',
    type: TYPE,
    text: timeText(instant),
    json: formatTime(instant, '2006-01-02T15:04:05.999999999Z07:00'),
    native: instant,
    get methods() {
      known ??= methods(instant);
      return known;
    },
  };
}

function currentTime({ now }: Context): Instant {
  return { nanoseconds: BigInt(Math.floor(now())) * MILLISECOND, zone: localZone() };
}

// A time, or a number of seconds since 1970; anything else is now.
function toInstant(value: Value, context: Context): Instant {
  if (isInstance(value) && value.type === TYPE) return instantOf(value);
  if (isInt(value) && ['int', 'int32', 'int64'].includes(value.type)) return { nanoseconds: value.value * SECOND, zone: localZone() };
  return currentTime(context);
}

function formatIn(layout: string, value: Value, zone: string, context: Context): string {
  const instant = { ...toInstant(value, context), zone: loadZone(zone) ?? UTC };
  const text = formatTime(instant, layout);
  context.budget.text(text.length);
  return text;
}

function moved(text: string, value: Instance): Instance | undefined {
  const duration = parseDuration(text);
  if (duration === undefined) return undefined;
  const instant = instantOf(value);
  return timeValue({ ...instant, nanoseconds: instant.nanoseconds + duration });
}

function toDate(layout: string, text: string): Value {
  try {
    return timeValue(parseTime(layout, text, localZone()));
  } catch (error) {
    if (error instanceof FunctionError) return timeValue(ZERO_TIME);
    throw error;
  }
}

function ago(value: Value, context: Context): string {
  const passed = currentTime(context).nanoseconds - toInstant(value, context).nanoseconds;
  const half = passed < 0n ? -SECOND / 2n : SECOND / 2n;
  return durationText(((passed + half) / SECOND) * SECOND);
}

// Seconds as sprig takes them: a text or an int64, but not an int.
function duration(value: Value): string {
  if (typeof value === 'string') return durationText(/^[+-]?[0-9]+$/.test(value) ? BigInt.asIntN(64, BigInt(value) * SECOND) : 0n);
  return durationText(isInt(value) && value.type === 'int64' ? BigInt.asIntN(64, value.value * SECOND) : 0n);
}

const LARGEST_UNITS: readonly (readonly [bigint, string])[] = [
  [365n * 24n * 3600n, 'y'],
  [30n * 24n * 3600n, 'mo'],
  [24n * 3600n, 'd'],
  [3600n, 'h'],
  [60n, 'm'],
  [1n, 's'],
];

function durationRound(value: Value, context: Context): string {
  let nanoseconds = 0n;
  if (typeof value === 'string') nanoseconds = parseDuration(value) ?? 0n;
  else if (isInt(value) && value.type === 'int64') nanoseconds = value.value;
  else if (isInstance(value) && value.type === TYPE) nanoseconds = currentTime(context).nanoseconds - instantOf(value).nanoseconds;
  const size = nanoseconds < 0n ? -nanoseconds : nanoseconds;
  const unit = LARGEST_UNITS.find(([seconds]) => size > seconds * SECOND);
  return unit === undefined ? '0s' : `${size / (unit[0] * SECOND)}${unit[1]}`;
}

const dateInZone = fn(['string', 'any', 'string'], formatIn);
const dateModify = fn(['string', 'time'], (text, value) => moved(text, value) ?? value);
const mustDateModify = fn(['string', 'time'], (text, value) => {
  const result = moved(text, value);
  if (result === undefined) throw new FunctionError(durationProblem(text));
  return result;
});

export const dateFunctions: FunctionMap = {
  now: fn([], (context) => timeValue(currentTime(context))),
  ago: fn(['any'], ago),
  date: fn(['string', 'any'], (layout, value, context) => formatIn(layout, value, 'Local', context)),
  dateInZone,
  date_in_zone: dateInZone,
  dateModify,
  date_modify: dateModify,
  mustDateModify,
  must_date_modify: mustDateModify,
  duration: fn(['any'], duration),
  durationRound: fn(['any'], durationRound),
  htmlDate: fn(['any'], (value, context) => formatIn('2006-01-02', value, 'Local', context)),
  htmlDateInZone: fn(['any', 'string'], (value, zone, context) => formatIn('2006-01-02', value, zone, context)),
  toDate: fn(['string', 'string'], toDate),
  mustToDate: fn(['string', 'string'], (layout, text) => timeValue(parseTime(layout, text, localZone()))),
  unixEpoch: fn(['time'], (value) => String(unixSeconds(instantOf(value)))),
};
