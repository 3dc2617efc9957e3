import { SealosError } from '@sealos/image';
import { type Cluster, type Environment, type MountedImage, masters, registryHosts } from '../cluster/cluster.ts';
import { DISTRIBUTIONS } from '../distribution.ts';
import { type ClusterImage, clusterImage, imageVip, lifecycleScripts } from '../image-contract/cluster-image.ts';
import { hostEnvironment } from '../image-contract/environment.ts';
import type { K3sPlan } from '../k3s/k3s-plan.ts';
import { hostLayout } from '../layout.ts';
import type { ClusterPlanInput } from '../plan/plan-cluster.ts';
import { parseRegistryConfig } from '../registry-config/registry-config.ts';
import { guardImage } from '../steps/api-guard.ts';
import { markerName } from '../steps/marker.ts';
import { isMember } from '../steps/membership.ts';
import { SEALOS_EXECUTABLE_STEP } from '../steps/sealos-executable.ts';
import { usersOf } from './on-masters.ts';
import { API_NAME, API_PORT, type ReachedHost } from './prepare.ts';
import type { ReachedHosts } from './reach-hosts.ts';
import { WITHOUT_KUBEADM } from './without-kubeadm.ts';

export interface StoredPlanOptions {
  readonly cluster: Cluster;
  readonly hosts: ReachedHosts;
  /** What `-e` gave each image. */
  readonly given: ReadonlyMap<string, Environment>;
  readonly sealosVersion: string;
  readonly timeout: number | undefined;
  readonly signal: AbortSignal;
  /** The Clusterfile for control planes; none where steps are only undone. */
  readonly clusterfile?: (() => Promise<string>) | undefined;
}

const NO_K3S: K3sPlan = {
  config: () => '',
  tokens: { server: '', agent: '' },
  operator: { readKubeconfig: async () => undefined, writeKubeconfig: async () => {} },
};

/** The image's contract from what the state kept of it: neither the image nor the store is needed. */
export function contractOf(mount: MountedImage): ClusterImage {
  return clusterImage(mount.imageName, {
    architecture: 'amd64',
    os: 'linux',
    rootfs: { type: 'layers', diff_ids: [] },
    config: {
      Labels: mount.labels,
      Env: [...mount.env].map(([key, value]) => `${key}=${value}`),
      Cmd: mount.cmd,
      Entrypoint: mount.entrypoint,
    },
  });
}

/**
 * A plan's input made of the state alone, without the images: enough to undo steps, and to carry out those that only concern how hosts
 * find one another. No layers, certificates or kubeadm documents are in it.
 */
export async function storedPlanInput(options: StoredPlanOptions): Promise<ClusterPlanInput> {
  const { cluster, given, signal } = options;
  const { reached } = options.hosts;
  const layout = hostLayout(cluster.name);
  const images = cluster.status.mounts.map(contractOf);
  const rootfs = images.find((image) => image.kind === 'rootfs');
  const apiHosts = reached.filter(({ spec }) => spec.roles.includes('master'));
  // Of a cluster whose control planes are all gone workers can still be cleaned.
  const master0 = (apiHosts[0]?.spec ?? masters(cluster)[0])?.address;
  const seat = apiHosts.find(({ markers }) => isMember(markers))?.spec.address ?? master0;
  const registry = registryHosts(cluster)[0];
  if (!rootfs || !master0 || !seat || !registry) {
    throw new SealosError('bad-state', `the stored Clusterfile of '${cluster.name}' does not say which images it was made of`, {
      exitCode: 2,
    });
  }
  const registryHost = reached.find(({ spec }) => spec.address.ip === registry.address.ip) ?? reached[0];
  const yaml = await registryHost?.host.readFile(`${layout.rootfs}/etc/registry.yml`, { signal });
  const registryConfig = parseRegistryConfig(yaml === undefined ? undefined : Buffer.from(yaml).toString(), 'etc/registry.yml');
  const hosts = reached.map(({ spec, facts, markers }) => ({
    address: spec.address,
    hostname: facts.hostname,
    roles: spec.roles,
    facts,
    files: [],
    member: isMember(markers),
    env: hostEnvironment({
      image: rootfs.env,
      cluster: cluster.env,
      commandLine: given.get(rootfs.name),
      host: spec.env,
      roles: spec.roles,
      kubeVersion: rootfs.version,
      sealosVersion: options.sealosVersion,
      facts,
    }).env,
  }));
  const env = hosts.find(({ address }) => address.ip === master0.ip)?.env ?? new Map();
  return {
    cluster: cluster.name,
    guard: guardImage(rootfs),
    etcdSchedule: undefined,
    layout,
    hosts,
    images: [],
    master0,
    registry: { host: registry.address, domain: registryConfig.domain, port: registryConfig.port, data: registryConfig.data },
    scripts: lifecycleScripts(images),
    firstGeneration: rootfs.firstGeneration,
    vip: imageVip(rootfs, env, seat.ip),
    apiName: API_NAME,
    apiPort: API_PORT,
    seat,
    begins: false,
    ...WITHOUT_KUBEADM,
    k3s: NO_K3S,
    distribution: DISTRIBUTIONS[rootfs.distribution],
    onMasters: storedMasters(options, apiHosts),
    adoptContainerd: false,
    registryIndexes: [],
    skipPhases: [],
    commands: [],
    force: new Set(),
    hostOf: options.hosts.hostOf,
    timeout: options.timeout,
  };
}

/** Control planes with this program on them; where it is only to be undone it does not matter what it was. */
function storedMasters({ cluster, clusterfile }: StoredPlanOptions, masters: readonly ReachedHost[]): ClusterPlanInput['onMasters'] {
  const unknown = { path: '', size: 0, sha256: '' };
  const there = masters.filter(({ markers }) => clusterfile === undefined || markers.has(markerName(SEALOS_EXECUTABLE_STEP)));
  return {
    executables: there.map(({ spec }) => ({ address: spec.address, executable: unknown, compression: 'none' })),
    userOf: usersOf(cluster),
    clusterfile: clusterfile ?? (async () => ''),
  };
}
