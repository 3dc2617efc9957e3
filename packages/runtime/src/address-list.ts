import { isIP, isIPv4 } from 'node:net';
import { badInput } from '@sealos/image';
import type { Address } from './host/host.ts';

/** More addresses than this in one list is taken for a slip (a /8 for a /24). */
const maxHosts = 4096;

/**
 * A list of hosts as `--masters` and `--nodes` take it: items separated by commas, each `IP`, `IP:PORT`, `FIRST-LAST` (both ends
 * included) or `IP/BITS` (every address, the first and the last too). IPv6 with a port is `[IP]:PORT`; a range or block may carry a
 * port too (`FIRST-LAST:PORT`, `[IP/BITS]:PORT`). Addresses come back in canonical spelling and in the order of the list.
 * Throws bad input for what is not an address and for an address that is named twice.
 */
export function parseHostList(text: string, defaultPort: number): readonly Address[] {
  const addresses: Address[] = [];
  for (const item of text.split(',').map((part) => part.trim())) {
    if (item === '' && text.trim() === '') continue;
    if (item === '') throw badInput('bad-address', `'${text}' has an empty item`, 'separate addresses by single commas');
    addresses.push(...parseItem(item, defaultPort));
    if (addresses.length > maxHosts) throw badInput('bad-address', `'${item}' makes more than ${maxHosts} hosts`, 'check the range');
  }
  const seen = new Set<string>();
  for (const { ip } of addresses) {
    if (seen.has(ip)) throw badInput('duplicate-host', `${ip} is named twice in '${text}'`, 'name each host once');
    seen.add(ip);
  }
  return addresses;
}

/** One address, `IP` or `IP:PORT` (`[IP]:PORT` for IPv6). Throws bad input for anything else. */
export function parseAddress(text: string, defaultPort: number): Address {
  const { body, port } = splitPort(text, defaultPort);
  return { ip: canonicalIp(body, text), port };
}

/** `IP:PORT`, or `[IP]:PORT` for IPv6: how a Clusterfile names a host. */
export function formatAddress({ ip, port }: Address): string {
  return isIPv4(ip) ? `${ip}:${port}` : `[${ip}]:${port}`;
}

/** The one spelling of an address that is compared and stored: IPv4 dotted, IPv6 in lower case and shortest form. */
export function canonicalIp(text: string, shown = text): string {
  if (isIP(text) === 0 || text.includes('%')) {
    throw badInput('bad-address', `'${shown}' is not an IP address`, 'write 10.0.0.11, 10.0.0.11:2222, 10.0.0.11-10.0.0.19 or 10.0.0.0/28');
  }
  return isIPv4(text) ? text : new URL(`http://[${text}]/`).hostname.slice(1, -1);
}

/** Whether an address lies in a block such as `10.96.0.0/22`; false where the two are of different families. */
export function blockContains(cidr: string, ip: string): boolean {
  const { first, last, family } = parseBlock(cidr, cidr);
  if (isIP(ip) !== family) return false;
  const value = ipToNumber(ip);
  return value >= first && value <= last;
}

/** The nth address of a block (0: the block's own). Throws bad input where the block is not one or is too small. */
export function nthOfBlock(cidr: string, n: number): string {
  const { first, last, family } = parseBlock(cidr, cidr);
  if (first + BigInt(n) > last) throw badInput('bad-address', `${cidr} has no address number ${n}`);
  return numberToIp(first + BigInt(n), family);
}

function parseItem(item: string, defaultPort: number): readonly Address[] {
  const { body, port } = splitPort(item, defaultPort);
  if (body.includes('/')) {
    const { first, last, family } = parseBlock(body, item);
    return listRange(first, last, family, item).map((ip) => ({ ip, port }));
  }
  const [from, to, ...rest] = body.split('-');
  if (from === undefined || to === undefined) return [{ ip: canonicalIp(body, item), port }];
  if (rest.length > 0) throw badInput('bad-address', `'${item}' is not a range FIRST-LAST of IP addresses`);
  const [first, last] = [canonicalIp(from, item), canonicalIp(to, item)];
  const family = isIP(first) as 4 | 6;
  if (isIP(last) !== family) throw badInput('bad-address', `'${item}' mixes IPv4 and IPv6`);
  if (ipToNumber(last) < ipToNumber(first)) throw badInput('bad-address', `'${item}' ends before it begins`, `write ${last}-${first}`);
  return listRange(ipToNumber(first), ipToNumber(last), family, item).map((ip) => ({ ip, port }));
}

function splitPort(item: string, defaultPort: number): { body: string; port: number } {
  const match = /^\[(?<bracketed>[^\]]*)\](?::(?<port>.*))?$/.exec(item) ?? /^(?<plain>[^:]*):(?<port>[^:]*)$/.exec(item);
  const body = match?.groups?.['bracketed'] ?? match?.groups?.['plain'] ?? item;
  const port = match?.groups?.['port'];
  if (port === undefined) return { body, port: defaultPort };
  const number = /^\d{1,5}$/.test(port) ? Number(port) : 0;
  if (number < 1 || number > 65535) throw badInput('bad-address', `'${item}': '${port}' is not a port (1 to 65535)`);
  return { body, port: number };
}

function parseBlock(body: string, shown: string): { first: bigint; last: bigint; family: 4 | 6 } {
  const [ip, bits, ...rest] = body.split('/');
  const family = isIP(ip ?? '');
  const width = family === 4 ? 32 : 128;
  if (ip === undefined || bits === undefined || rest.length > 0 || family === 0 || !/^\d{1,3}$/.test(bits) || Number(bits) > width) {
    throw badInput('bad-address', `'${shown}' is not a block of IP addresses`, 'write 10.0.0.0/28');
  }
  const size = 1n << BigInt(width - Number(bits));
  const value = ipToNumber(canonicalIp(ip));
  const first = value - (value % size);
  return { first, last: first + size - 1n, family: family === 4 ? 4 : 6 };
}

function listRange(first: bigint, last: bigint, family: 4 | 6, shown: string): readonly string[] {
  const count = last - first + 1n;
  if (count > BigInt(maxHosts)) throw badInput('bad-address', `'${shown}' is ${count} hosts, more than ${maxHosts}`, 'check the range');
  return Array.from({ length: Number(count) }, (_, index) => numberToIp(first + BigInt(index), family));
}

function ipToNumber(ip: string): bigint {
  if (isIPv4(ip)) return ip.split('.').reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
  return expandIpv6(ip).reduce((sum, group) => sum * 65536n + BigInt(group), 0n);
}

function expandIpv6(ip: string): readonly number[] {
  const [head = '', tail] = canonicalIp(ip).split('::');
  const groups = (part: string) => (part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16)));
  const [front, back] = [groups(head), groups(tail ?? '')];
  return [...front, ...Array<number>(8 - front.length - back.length).fill(0), ...back];
}

function numberToIp(value: bigint, family: 4 | 6): string {
  if (family === 4) return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 255n)).join('.');
  const groups = Array.from({ length: 8 }, (_, index) => ((value >> BigInt(112 - index * 16)) & 65535n).toString(16));
  return canonicalIp(groups.join(':'));
}
