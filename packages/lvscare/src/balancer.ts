import type { Members } from './members.ts';

/** One way to balance a virtual server in the kernel. */
export interface Balancer {
  readonly name: 'ipvs' | 'nftables';
  /** Whether the virtual server is in the kernel, whoever put it there. */
  exists(signal: AbortSignal): Promise<boolean>;
  /**
   * Brings the kernel to these members from whatever is there, and leaves alone what is right already: also every connection to a living
   * server. Returns whether it changed anything.
   */
  put(members: Members, signal: AbortSignal): Promise<boolean>;
  /** Removes the virtual server if it is there, and nothing else. */
  clear(signal: AbortSignal): Promise<void>;
}
