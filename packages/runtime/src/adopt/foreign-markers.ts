import { type Cluster, masters, registryHosts } from '../cluster/cluster.ts';
import type { Host } from '../host/host.ts';
import { script } from '../host/script.ts';
import { hostLayout } from '../layout.ts';
import { applicationStepId } from '../steps/application.ts';
import { ADOPTED, markerName, writeMarker } from '../steps/marker.ts';
import { INIT_MARKER, JOIN_MARKER } from '../steps/membership.ts';

/** Steps that another program has done on a host of the cluster. */
export function foreignMarkers(cluster: Cluster, ip: string): readonly string[] {
  const isFirst = masters(cluster)[0]?.address.ip === ip;
  const isRegistry = registryHosts(cluster).some(({ address }) => address.ip === ip);
  const logsIn = cluster.status.mounts.some(({ type, labels }) => type === 'rootfs' && labels['auth'] !== undefined);
  const commands = cluster.status.mounts.filter(({ type }) => type !== 'application').map(({ imageName }) => applicationStepId(imageName));
  return [
    'check',
    ...(isRegistry ? ['init-registry'] : []),
    'init-cri',
    'init',
    ...(logsIn ? ['auth'] : []),
    ...commands,
    isFirst ? INIT_MARKER : JOIN_MARKER,
  ];
}

/** Records on a host what another program has done there, so that it is not done again. Nothing else on the host is changed. */
export async function recordForeignWork(host: Host, cluster: Cluster, signal: AbortSignal): Promise<void> {
  const layout = hostLayout(cluster.name);
  for (const id of foreignMarkers(cluster, host.address.ip)) {
    await host.run(script`if [ ! -e ${`${layout.markers}/${markerName(id)}`} ]; then ${writeMarker(layout, id, ADOPTED)}; fi`, {
      title: 'recording what is done already',
      signal,
    });
  }
}
