import type { Host } from '../host/host.ts';
import type { HostLayout } from '../layout.ts';
import { readMarker } from './marker.ts';

/** On the host where the cluster began. */
export const INIT_MARKER = 'kubeadm-init';
/** On every other host, control plane or worker, that joined it. */
export const JOIN_MARKER = 'kubeadm-join';

/** Whether the names of a host's finished steps say that it is part of a running cluster. */
export function isMember(markers: ReadonlySet<string>): boolean {
  return markers.has(INIT_MARKER) || markers.has(JOIN_MARKER);
}

/** Whether this host's part in a cluster was begun and finished, by `kubeadm init` or by `kubeadm join`. */
export async function isPartOfCluster(host: Host, layout: HostLayout, signal: AbortSignal): Promise<boolean> {
  return (
    (await readMarker(host, layout, INIT_MARKER, signal)) !== undefined ||
    (await readMarker(host, layout, JOIN_MARKER, signal)) !== undefined
  );
}
