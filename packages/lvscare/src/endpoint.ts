import { isIP } from 'node:net';
import { CareError } from './error.ts';

/** An address and a TCP port: a virtual server, or one of the servers behind it. */
export interface Endpoint {
  /** IPv4, or IPv6 without brackets. */
  readonly ip: string;
  readonly port: number;
}

/** Reads `IP:PORT` or `[IPv6]:PORT`. Throws bad input; `what` names the value in the message. */
export function parseEndpoint(text: string, what: string): Endpoint {
  const [, bracketed, plain, digits = ''] = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):(\d{1,5})$/.exec(text) ?? [];
  const ip = bracketed ?? plain ?? '';
  const port = Number(digits);
  if (isIP(ip) !== (bracketed === undefined ? 4 : 6) || port < 1 || port > 65535) {
    throw new CareError(`${what} is '${text}': write IP:PORT, or [IPv6]:PORT`, 2);
  }
  return { ip, port };
}

/** `IP:PORT`, `[IPv6]:PORT`. */
export function formatEndpoint({ ip, port }: Endpoint): string {
  return isIP(ip) === 6 ? `[${ip}]:${port}` : `${ip}:${port}`;
}

/** Whether two endpoints are the same place. */
export function isSameEndpoint(one: Endpoint, other: Endpoint): boolean {
  return one.port === other.port && one.ip.toLowerCase() === other.ip.toLowerCase();
}
