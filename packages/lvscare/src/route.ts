import { isIPv6 } from 'node:net';

const size = (ip: string) => (isIPv6(ip) ? 128 : 32);
const family = (ip: string) => (isIPv6(ip) ? '-6' : '-4');

/**
 * `ip` arguments that make a virtual address this host's own, reached from its own node address. A program finds a route before the
 * rules see its connection; without one of its own a host with no default route could not call at all. And as the address is local, what
 * the rules do not take is refused here, at once, and not sent out to look for the address in the network.
 */
export function addRoute(vip: string, nodeIp: string): readonly string[] {
  return [family(vip), 'route', 'replace', 'local', `${vip}/${size(vip)}`, 'dev', 'lo', 'table', 'local', 'src', nodeIp];
}

/** `ip` arguments that take it away. */
export function removeRoute(vip: string): readonly string[] {
  return [family(vip), 'route', 'del', 'local', `${vip}/${size(vip)}`, 'dev', 'lo', 'table', 'local'];
}

/** `ip` arguments whose answer `isRouted` reads. */
export function askRoute(vip: string): readonly string[] {
  return [family(vip), '-o', 'route', 'get', vip];
}

/** Whether the route is as `addRoute` makes it. */
export function isRouted(answer: string, nodeIp: string): boolean {
  const words = answer.trim().split(/\s+/);
  return words[0] === 'local' && words[words.indexOf('src') + 1] === nodeIp;
}
