// Go's layouts: a date is formatted like the reference time Mon Jan 2 15:04:05 MST 2006 (https://pkg.go.dev/time#pkg-constants).
import { type Civil, civil, DAYS, type Instant, MONTHS } from './instant.ts';

/** The elements of a layout; everything between them is literal. */
export const ELEMENTS =
  /January|Jan(?![a-z])|Monday|Mon(?![a-z])|MST|002|0[1-6]|15|1|2006|2|__2|_2(?!006)|3|4|5|PM|pm|[-Z](?:070000|07:00:00|0700|07:00|07)|[.,](?:0+|9+)(?![0-9])/g;

function padded(value: number, width: number, fill = '0'): string {
  return value < 0 ? `-${padded(-value, width, fill)}` : String(value).padStart(width, fill);
}

function zoneOffset(element: string, offset: number): string {
  if (element.startsWith('Z') && offset === 0) return 'Z';
  const size = Math.abs(offset);
  const colon = element.includes(':') ? ':' : '';
  const parts = [Math.floor(size / 3600), Math.floor(size / 60) % 60, size % 60].map((part) => padded(part, 2));
  const digits = element.replace(/[^0-9]/g, '').length;
  return `${offset < 0 ? '-' : '+'}${parts.slice(0, digits / 2).join(colon)}`;
}

function fraction(element: string, nanosecond: number): string {
  const digits = padded(nanosecond, 9).slice(0, element.length - 1);
  if (element.includes('0')) return element.charAt(0) + digits.padEnd(element.length - 1, '0');
  const trimmed = digits.replace(/0+$/, '');
  return trimmed === '' ? '' : element.charAt(0) + trimmed;
}

function format(element: string, time: Civil): string {
  const hour12 = time.hour % 12 === 0 ? 12 : time.hour % 12;
  const month = MONTHS[time.month - 1] ?? '';
  const weekday = DAYS[time.weekday] ?? '';
  switch (element) {
    case 'January':
      return month;
    case 'Jan':
      return month.slice(0, 3);
    case '1':
      return String(time.month);
    case '01':
      return padded(time.month, 2);
    case 'Monday':
      return weekday;
    case 'Mon':
      return weekday.slice(0, 3);
    case '2':
      return String(time.day);
    case '_2':
      return padded(time.day, 2, ' ');
    case '02':
      return padded(time.day, 2);
    case '__2':
      return padded(time.yearDay, 3, ' ');
    case '002':
      return padded(time.yearDay, 3);
    case '15':
      return padded(time.hour, 2);
    case '3':
      return String(hour12);
    case '03':
      return padded(hour12, 2);
    case '4':
      return String(time.minute);
    case '04':
      return padded(time.minute, 2);
    case '5':
      return String(time.second);
    case '05':
      return padded(time.second, 2);
    case '2006':
      return padded(time.year, 4);
    case '06':
      return padded(Math.abs(time.year) % 100, 2);
    case 'PM':
      return time.hour >= 12 ? 'PM' : 'AM';
    case 'pm':
      return time.hour >= 12 ? 'pm' : 'am';
    case 'MST':
      return time.abbreviation === '' ? zoneOffset('-0700', time.offset) : time.abbreviation;
    default:
      return /^[.,]/.test(element) ? fraction(element, time.nanosecond) : zoneOffset(element, time.offset);
  }
}

/** Formats an instant by a layout. */
export function formatTime(instant: Instant, layout: string): string {
  const time = civil(instant);
  return layout.replace(ELEMENTS, (element) => format(element, time));
}

/** How Go prints a time: `2006-01-02 15:04:05.999999999 -0700 MST`. */
export function timeText(instant: Instant): string {
  return formatTime(instant, '2006-01-02 15:04:05.999999999 -0700 MST');
}
