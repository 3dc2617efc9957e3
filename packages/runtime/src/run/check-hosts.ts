import { type Cluster, type Environment, registryHosts } from '../cluster/cluster.ts';
import type { LoadedImage } from './load-image.ts';
import { preflight, refuseFatal } from './preflight.ts';
import { type ReachedHost, rootfsOf } from './prepare.ts';

/** The port that the registry will listen on; what its own file says is read later, when it is rendered. */
function registryPort(rootfs: LoadedImage, cluster: Cluster, given: ReadonlyMap<string, Environment>): number {
  const { name, env } = rootfs.contract;
  return Number(given.get(name)?.get('registryPort') ?? cluster.env.get('registryPort') ?? env.get('registryPort')) || 5000;
}

export interface CheckHostsInput {
  readonly cluster: Cluster;
  readonly hosts: readonly ReachedHost[];
  readonly images: readonly LoadedImage[];
  readonly given: ReadonlyMap<string, Environment>;
  readonly adoptContainerd: boolean;
  readonly warn: (message: string, host?: string) => void;
}

/** Refuses hosts that cannot carry the cluster, all findings at once; what is only worth knowing is told. */
export function checkHosts({ cluster, hosts, images, given, adoptContainerd, warn }: CheckHostsInput): void {
  const registryIp = registryHosts(cluster)[0]?.address.ip;
  const payload = images.reduce((sum, image) => sum + image.payloadBytes, 0);
  const containerImages = images.reduce((sum, image) => sum + image.registryBytes, 0);
  const inspected = hosts.map(({ host, spec, facts, fresh }) => ({
    name: host.name,
    roles: spec.roles,
    facts,
    fresh,
    bytesNeeded: fresh ? payload + (spec.address.ip === registryIp ? containerImages : 0) : 0,
  }));
  const registryHost = hosts.find(({ spec }) => spec.address.ip === registryIp)?.host.name ?? '';
  const findings = preflight(inspected, { host: registryHost, port: registryPort(rootfsOf(images), cluster, given) }, { adoptContainerd });
  refuseFatal(findings);
  for (const finding of findings) warn(`${finding.host}: ${finding.message}`, finding.host);
}
