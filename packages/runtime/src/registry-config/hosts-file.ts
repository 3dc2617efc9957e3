import type { Script } from '../host/script.ts';

/** Puts one managed line for `domain` into /etc/hosts, atomically; prints `changed` or `unchanged`. */
export function hostsEntryScript(_domain: string, _ip: string): Script {
  throw new Error('not reached');
}

/** Takes the managed line for `domain` out of /etc/hosts, atomically; prints `changed` or `unchanged`. */
export function hostsEntryRemovalScript(_domain: string): Script {
  throw new Error('not reached');
}
