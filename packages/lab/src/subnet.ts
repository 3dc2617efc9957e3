/** An IPv4 network: `10.77.0.0/24`. */
export type Cidr = string;

/** Labs live in 10.77.0.0/16, each in a /24 of its own. The machine is .1 there, host N is .(10+N). */
export function subnetOf(index: number): { readonly gateway: string; readonly prefix: string; readonly length: number } {
  return { gateway: `10.77.${index}.1`, prefix: `10.77.${index}`, length: 24 };
}

/** The address of host number N (from 1) in a subnet. */
export function hostAddress(subnet: number, number: number): string {
  return `${subnetOf(subnet).prefix}.${10 + number}`;
}

/** How many hosts have an address in one /24. */
export const MAX_HOSTS = 200;

/** The first of the 256 subnets that none of the networks in use touches; undefined when all are taken. */
export function chooseSubnet(inUse: readonly Cidr[]): number | undefined {
  for (let index = 0; index < 256; index += 1) if (isFree(index, inUse)) return index;
  return undefined;
}

/** Whether none of the networks in use touches that subnet. */
export function isFree(index: number, inUse: readonly Cidr[]): boolean {
  return !inUse.some((network) => touches(index, network));
}

/**
 * Whether a network in use stands in the way of a lab's subnet: it lies inside it or reaches over it. Networks wider than /16 do not count:
 * those are routes to far places (a VPN's 10.0.0.0/8), and the lab's own, narrower one goes before them here.
 */
function touches(index: number, network: Cidr): boolean {
  const [address = '', length = '32'] = network.split('/');
  const bits = Number(length);
  if (bits < 16) return false;
  const mask = bits >= 24 ? 0xffffff00 : (0xffffffff << (32 - bits)) >>> 0;
  return (toNumber(address) & mask) >>> 0 === (toNumber(`10.77.${index}.0`) & mask) >>> 0;
}

function toNumber(address: string): number {
  return address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
}
