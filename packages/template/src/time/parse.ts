// Reading a time by a layout, as Go's time.ParseInLocation.
import { FunctionError } from '../error.ts';
import { quote } from '../quote.ts';
import { type Civil, civil, DAYS, daysIn, fromCivil, type Instant, MONTHS } from './instant.ts';
import { ELEMENTS } from './layout.ts';
import { fixedZone, UTC, type Zone } from './zone.ts';

interface Reading {
  rest: string;
  year: number;
  month: number | undefined;
  day: number | undefined;
  yearDay: number | undefined;
  hour: number;
  minute: number;
  second: number;
  nanosecond: number;
  afternoon: boolean | undefined;
  offset: number | undefined;
  abbreviation: string;
}

/** undefined: the text does not have this element; a string: it has, but the value is out of range. */
type Outcome = true | undefined | string;

function digits(reading: Reading, pattern: RegExp, least: number, most: number, what: string, set: (value: number) => void): Outcome {
  const text = pattern.exec(reading.rest)?.[0];
  if (text === undefined) return undefined;
  reading.rest = reading.rest.slice(text.length);
  const value = Number(text);
  set(value);
  return value < least || value > most ? what : true;
}

function named(reading: Reading, names: readonly string[], length: number | undefined): number | undefined {
  const index = names.findIndex((name) => reading.rest.toLowerCase().startsWith(name.slice(0, length).toLowerCase()));
  if (index < 0) return undefined;
  reading.rest = reading.rest.slice((names[index] ?? '').slice(0, length).length);
  return index;
}

function readMonth(reading: Reading, length: number | undefined): Outcome {
  const index = named(reading, MONTHS, length);
  if (index === undefined) return undefined;
  reading.month = index + 1;
  return true;
}

function readFraction(reading: Reading, text: string): void {
  reading.nanosecond = Number(text.slice(1, 10).padEnd(9, '0'));
  reading.rest = reading.rest.slice(text.length);
}

// Seconds may carry a fraction even if the layout has none.
function readSecond(reading: Reading, pattern: RegExp, following: string): Outcome {
  const outcome = digits(reading, pattern, 0, 59, 'second', (value) => {
    reading.second = value;
  });
  const fraction = /^[.,][0-9]+/.exec(reading.rest)?.[0];
  if (outcome === true && fraction !== undefined && !/^[.,]/.test(following)) readFraction(reading, fraction);
  return outcome;
}

function readOffset(reading: Reading, element: string): Outcome {
  if (element.startsWith('Z') && reading.rest.startsWith('Z')) {
    reading.rest = reading.rest.slice(1);
    reading.offset = 0;
    reading.abbreviation = 'UTC';
    return true;
  }
  const parts = element.slice(1).replace(/0[70]/g, '([0-9]{2})');
  const match = new RegExp(`^([+-])${parts}`).exec(reading.rest);
  if (match === null) return undefined;
  const [whole, sign, hours = '0', minutes = '0', seconds = '0'] = match;
  if (Number(hours) > 24 || Number(minutes) > 60) return 'time zone offset';
  reading.offset = (sign === '-' ? -1 : 1) * (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds));
  reading.rest = reading.rest.slice(whole.length);
  return true;
}

function readZoneName(reading: Reading): Outcome {
  const name = /^(?:UTC|GMT(?:[+-][0-9]{1,2})?|[A-Z]{3,4}T?|[+-][0-9]{2})/.exec(reading.rest)?.[0];
  if (name === undefined) return undefined;
  reading.abbreviation = name;
  reading.rest = reading.rest.slice(name.length);
  return true;
}

function readElement(reading: Reading, element: string, following: string): Outcome {
  const set = (key: 'month' | 'day' | 'hour' | 'minute' | 'yearDay') => (value: number) => {
    reading[key] = value;
  };
  switch (element) {
    case 'January':
      return readMonth(reading, undefined);
    case 'Jan':
      return readMonth(reading, 3);
    case 'Monday':
      return named(reading, DAYS, undefined) === undefined ? undefined : true;
    case 'Mon':
      return named(reading, DAYS, 3) === undefined ? undefined : true;
    case '1':
    case '01':
      return digits(reading, element === '1' ? /^[0-9]{1,2}/ : /^[0-9]{2}/, 1, 12, 'month', set('month'));
    case '2':
    case '_2':
    case '02':
      if (element === '_2') reading.rest = reading.rest.replace(/^ /, '');
      return digits(reading, element === '02' ? /^[0-9]{2}/ : /^[0-9]{1,2}/, 0, 99, 'day', set('day'));
    case '__2':
    case '002':
      if (element === '__2') reading.rest = reading.rest.replace(/^ {1,2}/, '');
      return digits(reading, element === '002' ? /^[0-9]{3}/ : /^[0-9]{1,3}/, 1, 366, 'day-of-year', set('yearDay'));
    case '15':
      return digits(reading, /^[0-9]{1,2}/, 0, 23, 'hour', set('hour'));
    case '3':
    case '03':
      return digits(reading, element === '3' ? /^[0-9]{1,2}/ : /^[0-9]{2}/, 0, 12, 'hour', set('hour'));
    case '4':
    case '04':
      return digits(reading, element === '4' ? /^[0-9]{1,2}/ : /^[0-9]{2}/, 0, 59, 'minute', set('minute'));
    case '5':
    case '05':
      return readSecond(reading, element === '5' ? /^[0-9]{1,2}/ : /^[0-9]{2}/, following);
    case '2006':
      return digits(reading, /^[0-9]{4}/, 0, 9999, 'year', (value) => {
        reading.year = value;
      });
    case '06':
      return digits(reading, /^[0-9]{2}/, 0, 99, 'year', (value) => {
        reading.year = value + (value >= 69 ? 1900 : 2000);
      });
    case 'PM':
    case 'pm': {
      const half = reading.rest.slice(0, 2);
      if (half !== (element === 'PM' ? 'PM' : 'pm') && half !== (element === 'PM' ? 'AM' : 'am')) return undefined;
      reading.afternoon = half.toLowerCase() === 'pm';
      reading.rest = reading.rest.slice(2);
      return true;
    }
    case 'MST':
      return readZoneName(reading);
    default:
  }
  if (!/^[.,]/.test(element)) return readOffset(reading, element);
  const fraction = (element.includes('9') ? /^[.,][0-9]+/ : new RegExp(`^[.,][0-9]{${element.length - 1}}`)).exec(reading.rest)?.[0];
  if (fraction !== undefined) readFraction(reading, fraction);
  return fraction !== undefined || element.includes('9') ? true : undefined;
}

function failure(layout: string, value: string, message: string): never {
  throw new FunctionError(`parsing time ${quote(value)}${message.startsWith(':') ? '' : ` as ${quote(layout)}: `}${message}`);
}

function zoneOf(reading: Reading, zone: Zone, clock: Civil): Zone {
  if (reading.offset !== undefined) {
    if (reading.offset === 0 && reading.abbreviation !== '') return UTC;
    return clock.offset === reading.offset ? zone : fixedZone(reading.offset, reading.abbreviation);
  }
  if (reading.abbreviation === '') return zone;
  if (reading.abbreviation === 'UTC') return UTC;
  if (reading.abbreviation === clock.abbreviation) return zone;
  const hours = /^GMT([+-][0-9]{1,2})$/.exec(reading.abbreviation)?.[1];
  return fixedZone(Number(hours ?? 0) * 3600, reading.abbreviation);
}

/**
 * Reads a time.
 *
 * @param zone where the time is meant if the text does not say
 * @throws FunctionError in Go's words
 */
export function parseTime(layout: string, value: string, zone: Zone): Instant {
  const reading: Reading = {
    rest: value,
    year: 0,
    month: undefined,
    day: undefined,
    yearDay: undefined,
    hour: 0,
    minute: 0,
    second: 0,
    nanosecond: 0,
    afternoon: undefined,
    offset: undefined,
    abbreviation: '',
  };
  const literal = (text: string) => {
    if (text === '') return;
    if (!reading.rest.startsWith(text)) failure(layout, value, `cannot parse ${quote(reading.rest)} as ${quote(text)}`);
    reading.rest = reading.rest.slice(text.length);
  };
  let at = 0;
  for (const match of layout.matchAll(ELEMENTS)) {
    const [element] = match;
    literal(layout.slice(at, match.index));
    at = match.index + element.length;
    const before = reading.rest;
    const outcome = readElement(reading, element, layout.slice(at));
    if (outcome === undefined) failure(layout, value, `cannot parse ${quote(before)} as ${quote(element)}`);
    if (typeof outcome === 'string') failure(layout, value, `: ${outcome} out of range`);
  }
  literal(layout.slice(at));
  if (reading.rest !== '') failure(layout, value, `: extra text: ${quote(reading.rest)}`);
  return assembled(reading, layout, value, zone);
}

function assembled(reading: Reading, layout: string, value: string, zone: Zone): Instant {
  const { year, yearDay, minute, second, nanosecond } = reading;
  let { hour } = reading;
  if (reading.afternoon === true && hour < 12) hour += 12;
  else if (reading.afternoon === false && hour === 12) hour = 0;
  const month = reading.month ?? 1;
  const day = reading.day ?? 1;
  if (yearDay === undefined && (day < 1 || day > daysIn(year, month))) failure(layout, value, ': day out of range');
  const date = yearDay === undefined ? { year, month, day } : { year, month: 1, day: yearDay };
  const clock = { hour, minute, second, nanosecond };
  return fromCivil(date, clock, zoneOf(reading, zone, civil(fromCivil(date, clock, zone))));
}
