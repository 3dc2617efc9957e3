import { isIPv6 } from 'node:net';
import type { Address } from './host.ts';

/** A host's name in every line that is shown: its address, with the port where that is not 22 (`[ADDRESS]:PORT` for IPv6). */
export function hostName({ ip, port }: Address): string {
  if (port === 22) return ip;
  return isIPv6(ip) ? `[${ip}]:${port}` : `${ip}:${port}`;
}
