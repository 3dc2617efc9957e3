// Time zones by their IANA names, from the runtime's own data.

export interface Zone {
  /** As Go prints a location: an IANA name, `UTC`, `Local`, or empty for a fixed offset. */
  readonly name: string;
  /** Seconds east of UTC and the abbreviation at an instant (milliseconds since 1970). */
  readonly at: (milliseconds: number) => { readonly offset: number; readonly abbreviation: string };
}

export const UTC: Zone = { name: 'UTC', at: () => ({ offset: 0, abbreviation: 'UTC' }) };

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}

// Zones without a name of their own are called by their offset: +03, -0330.
function offsetName(offset: number): string {
  const size = Math.abs(offset);
  const minutes = Math.floor(size / 60) % 60;
  return `${offset < 0 ? '-' : '+'}${twoDigits(Math.floor(size / 3600))}${minutes === 0 ? '' : twoDigits(minutes)}`;
}

/** A zone with one offset for all times. */
export function fixedZone(offset: number, abbreviation: string): Zone {
  return { name: '', at: () => ({ offset, abbreviation }) };
}

function fromIntl(name: string, timeZone: string | undefined): Zone {
  const options = { ...(timeZone === undefined ? {} : { timeZone }), hourCycle: 'h23' } as const;
  const short = new Intl.DateTimeFormat('en-US', { ...options, timeZoneName: 'short' });
  const long = new Intl.DateTimeFormat('en-US', { ...options, timeZoneName: 'longOffset' });
  const zonePart = (format: Intl.DateTimeFormat, date: Date) =>
    format.formatToParts(date).find(({ type }) => type === 'timeZoneName')?.value ?? 'GMT';
  return {
    name,
    at: (milliseconds) => {
      const date = new Date(milliseconds);
      const [, sign = '+', hours = '0', minutes = '0', seconds = '0'] =
        /^GMT([+-])([0-9]{2}):([0-9]{2})(?::([0-9]{2}))?$/.exec(zonePart(long, date)) ?? [];
      const offset = (sign === '-' ? -1 : 1) * (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds));
      const abbreviation = zonePart(short, date);
      return { offset, abbreviation: /^GMT[+-]/.test(abbreviation) ? offsetName(offset) : abbreviation };
    },
  };
}

const ZONES = new Map<string, Zone | undefined>();

/** Go's time.LoadLocation: empty and `UTC` are UTC, `Local` is this machine's zone; undefined for a name that does not exist. */
export function loadZone(name: string): Zone | undefined {
  if (name === '' || name === 'UTC') return UTC;
  if (name !== 'Local' && !/^[A-Za-z][A-Za-z0-9_+/-]*$/.test(name)) return undefined;
  if (ZONES.has(name)) return ZONES.get(name);
  let zone: Zone | undefined;
  try {
    zone = fromIntl(name, name === 'Local' ? undefined : name);
  } catch {
    zone = undefined;
  }
  if (ZONES.size < 500) ZONES.set(name, zone);
  return zone;
}

/** This machine's zone. */
export function localZone(): Zone {
  return loadZone('Local') ?? UTC;
}
