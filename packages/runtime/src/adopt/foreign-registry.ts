import type { Cluster } from '../cluster/cluster.ts';
import type { RegistryConfig } from '../registry-config/registry-config.ts';

/**
 * The cluster with its registry as it is: what `sealos registry passwd` or a file by hand changed after the image was run is in
 * `etc/registry.yml` of the registry's host alone, and hosts that are added would be given the image's own.
 */
export function withLiveRegistry(cluster: Cluster, registry: RegistryConfig): Cluster {
  const image = cluster.status.mounts.find(({ type }) => type === 'rootfs')?.env ?? new Map<string, string>();
  const live: Readonly<Record<string, string>> = {
    registryDomain: registry.domain,
    registryPort: String(registry.port),
    registryUsername: registry.username,
    registryPassword: registry.password,
    registryData: registry.data,
  };
  const changed = Object.entries(live).filter(([key, value]) => {
    const known = cluster.env.get(key) ?? image.get(key);
    return known !== undefined && known !== value;
  });
  return changed.length === 0 ? cluster : { ...cluster, env: new Map([...cluster.env, ...changed]) };
}
