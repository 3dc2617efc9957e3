// sealos: addresses in networks. sprig's getHostByName is left out: rendering asks no network.
import { isIPv4, isIPv6 } from 'node:net';
import { FunctionError } from '../error.ts';
import { type FunctionMap, fn } from '../function.ts';

interface Network {
  readonly address: bigint;
  readonly bits: 32 | 128;
  readonly prefix: number;
}

function parseIPv4(text: string): bigint {
  return text.split('.').reduce((sum, part) => (sum << 8n) | BigInt(part), 0n);
}

function parseIPv6(text: string): bigint {
  const dotted = /^(.*:)([0-9.]+)$/.exec(text);
  const v4 = dotted?.[2]?.includes('.') ? parseIPv4(dotted[2]) : undefined;
  const plain = v4 === undefined ? text : `${dotted?.[1]}${(v4 >> 16n).toString(16)}:${(v4 & 0xffffn).toString(16)}`;
  const [head = '', tail] = plain.split('::');
  const groups = (part: string) => (part === '' ? [] : part.split(':'));
  const left = groups(head);
  const right = groups(tail ?? '');
  const all = [...left, ...Array<string>(Math.max(0, 8 - left.length - right.length)).fill('0'), ...right];
  return all.reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n);
}

function formatIPv4(address: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => (address >> shift) & 0xffn).join('.');
}

// RFC 5952: the longest run of zero groups, of two at least, becomes `::`.
function formatIPv6(address: bigint): string {
  if (address >> 32n === 0xffffn) return formatIPv4(address & 0xffffffffn);
  const groups = Array.from({ length: 8 }, (_, index) => ((address >> BigInt(112 - 16 * index)) & 0xffffn).toString(16));
  const runs = Array.from(groups.join(' ').matchAll(/(?<![0-9a-f])0(?: 0)+(?![0-9a-f])/g), (match) => match[0]);
  const longest = runs.reduce((best, run) => (run.length > best.length ? run : best), '');
  if (longest === '') return groups.join(':');
  const text = groups.join(' ');
  const at = text.search(new RegExp(`(?<![0-9a-f])${longest}(?![0-9a-f])`));
  const join = (part: string) => part.trim().replaceAll(' ', ':');
  return `${join(text.slice(0, at))}::${join(text.slice(at + longest.length))}`;
}

function parseCidr(text: string): Network {
  const [, address = '', prefix = ''] = /^([^/]+)\/([0-9]{1,3})$/.exec(text) ?? [];
  const bits = isIPv4(address) ? 32 : 128;
  if ((bits === 128 && (!isIPv6(address) || address.includes('%'))) || Number(prefix) > bits || prefix === '') {
    throw new FunctionError(`invalid CIDR address: ${text}`);
  }
  const number = bits === 32 ? parseIPv4(address) : parseIPv6(address);
  const host = BigInt(bits - Number(prefix));
  return { address: (number >> host) << host, bits, prefix: Number(prefix) };
}

function format(address: bigint, bits: 32 | 128): string {
  return bits === 32 ? formatIPv4(address) : formatIPv6(address);
}

export const networkFunctions: FunctionMap = {
  /** The network of an address with a prefix length: `ipNet "10.1.2.3/24"` is `10.1.2.0/24`. */
  ipNet: fn(['string'], (cidr) => {
    const { address, bits, prefix } = parseCidr(cidr);
    const isMapped = bits === 128 && address >> 32n === 0xffffn;
    return `${format(address, bits)}/${isMapped ? prefix - 96 : prefix}`;
  }),
  /** The nth address of a network: `ipAt "10.96.0.0/12" 10` is `10.96.0.10`. */
  ipAt: fn(['string', 'int'], (cidr, index) => {
    const { address, bits, prefix } = parseCidr(cidr);
    if (index < 0 || BigInt(index) >= 1n << BigInt(bits - prefix)) throw new FunctionError('out of range');
    return format(address + BigInt(index), bits);
  }),
};
