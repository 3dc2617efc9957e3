import type { Host } from '../host/host.ts';
import type { HostLayout } from '../layout.ts';
import { readMarker } from './marker.ts';

/** On the host where the cluster began. */
export const INIT_MARKER = 'kubeadm-init';
/** On every other host, control plane or worker, that joined it. */
export const JOIN_MARKER = 'kubeadm-join';

/** The same two of a cluster of k3s. */
export const K3S_INIT_MARKER = 'k3s-init';
export const K3S_JOIN_MARKER = 'k3s-join';

const BEGUN: readonly string[] = [INIT_MARKER, K3S_INIT_MARKER];
const JOINED: readonly string[] = [JOIN_MARKER, K3S_JOIN_MARKER];

/** How a host became part of its cluster, as the names of its finished steps say; undefined: it did not yet. */
export function membershipOf(markers: { has(name: string): boolean }): 'init' | 'join' | undefined {
  if (BEGUN.some((name) => markers.has(name))) return 'init';
  return JOINED.some((name) => markers.has(name)) ? 'join' : undefined;
}

/** Whether the names of a host's finished steps say that it is part of a running cluster. */
export function isMember(markers: ReadonlySet<string>): boolean {
  return membershipOf(markers) !== undefined;
}

/** Whether this host's part in a cluster was begun and finished. */
export async function isPartOfCluster(host: Host, layout: HostLayout, signal: AbortSignal): Promise<boolean> {
  for (const name of [...BEGUN, ...JOINED]) if ((await readMarker(host, layout, name, signal)) !== undefined) return true;
  return false;
}
