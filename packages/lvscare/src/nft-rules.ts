import { isIPv6 } from 'node:net';
import type { Endpoint } from './endpoint.ts';
import type { Members } from './members.ts';

/** The one table that holds everything of ours. */
export function nftTable(vs: Endpoint): string {
  return `${isIPv6(vs.ip) ? 'ip6' : 'ip'} sealos_api`;
}

/**
 * Rules that balance a virtual server, as one transaction of nft: what was there of ours before is replaced in the same moment, and
 * connections live on, for their translation is kept by the kernel's connection tracking.
 *
 * New connections are spread by translating their destination, of this host's own programs (`output`) and of its pods (`prerouting`).
 * A connection stays with the server it was given, also with one that is dead: its client would wait for TCP to give up, 15 minutes and
 * more. So whatever is still sent to a server that is not among the living is answered with a reset (`ended`), at the latest when the
 * client's keepalive sends something.
 */
export function nftRules(vs: Endpoint, members: Members, scheduler = 'rr'): string {
  const family = isIPv6(vs.ip) ? 'ip6' : 'ip';
  const count = members.targets.length;
  // Where the client's address decides (source hashing of IPVS) it does here; every other order is one after the other.
  const choice = scheduler === 'sh' ? `jhash ${family} saddr mod ${count}` : `numgen inc mod ${count}`;
  // The form without ports is understood by the oldest nft too.
  const plain = members.targets.every(({ port }) => port === vs.port);
  const list = members.targets.map(({ ip, port }, index) => `${index} : ${plain ? ip : `${ip} . ${port}`}`).join(', ');
  const spread = `${family} daddr ${vs.ip} tcp dport ${vs.port} dnat ${plain ? 'to' : `${family} addr . port to`} ${choice} map { ${list} }`;
  const living = members.living.map(({ ip, port }) => `${ip} . ${port}`).join(', ');
  const ours = `ct direction original ct original ${family} daddr ${vs.ip} ct original proto-dst ${vs.port}`;
  const table = nftTable(vs);
  return `table ${table}
delete table ${table}
table ${table} {
  chain output { type nat hook output priority -100; ${spread}; }
  chain prerouting { type nat hook prerouting priority -100; ${spread}; }
  chain ended { meta l4proto tcp ${ours} ${family} daddr . tcp dport != { ${living} } reject with tcp reset; }
  chain leaving { type filter hook output priority 0; jump ended; }
  chain passing { type filter hook forward priority 0; jump ended; }
}`;
}
