import { SealosError } from '@sealos/image';
import { type Cluster, type MountedImage, registryHosts, type Ssh } from '../cluster/cluster.ts';
import type { RunEvent } from '../event.ts';
import { undoPlan } from '../execute.ts';
import { type ClusterImage, clusterImage, imageVip, lifecycleScripts } from '../image-contract/cluster-image.ts';
import { hostEnvironment } from '../image-contract/environment.ts';
import { openJournal } from '../journal.ts';
import { hostLayout } from '../layout.ts';
import { type ClusterPlanInput, planCluster } from '../plan/plan-cluster.ts';
import { parseRegistryConfig } from '../registry-config/registry-config.ts';
import { openState } from '../state/state.ts';
import { givenEnvironment } from './given-environment.ts';
import { API_NAME, type ReachedHost } from './prepare.ts';
import { type Connection, reachHosts } from './reach-hosts.ts';

export interface ResetClusterOptions {
  readonly cluster: string;
  readonly ssh: Ssh;
  readonly connection: Connection;
  readonly sealosVersion: string;
  /** Asked once the cluster is known; resolves when it may go on, throws otherwise. */
  readonly confirm: (cluster: Cluster) => Promise<void>;
  readonly timeout: number | undefined;
  readonly onEvent: (event: RunEvent) => void;
  readonly signal: AbortSignal;
}

/** The image's contract from what the state kept of it: neither the image nor the store is needed. */
function contractOf(mount: MountedImage): ClusterImage {
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
 * `sealos reset`: undoes every step of a run, the last first, on all hosts. Fails when anything could not be undone; the state is kept
 * then, and the same call tries again.
 */
export async function resetCluster(options: ResetClusterOptions): Promise<{ readonly hosts: number }> {
  const { signal, onEvent } = options;
  const state = await openState(options.cluster);
  if (!(await state.read())) {
    throw new SealosError('no-cluster', `there is no cluster '${options.cluster}' in ${state.home}`, {
      exitCode: 2,
      hint: 'name another with --cluster',
    });
  }
  await using _lock = await state.lock('reset');
  const stored = await state.read();
  if (!stored) throw new SealosError('no-cluster', `cluster '${options.cluster}' was removed meanwhile`, { exitCode: 2 });
  const cluster: Cluster = { ...stored.cluster, ssh: { ...stored.cluster.ssh, ...options.ssh } };
  await options.confirm(cluster);
  await using hosts = await reachHosts(cluster, options.connection, signal);
  const given = await givenEnvironment(state, new Set(), new Map());
  const input = await planInput(cluster, hosts.reached, given, options);
  await using journal = await openJournal(state.logs, 'reset');
  await undoPlan(planCluster({ ...input, hostOf: hosts.hostOf }), hosts.hostOf, {
    signal,
    onEvent: (event) => {
      journal.onEvent(event);
      onEvent(event);
    },
  });
  await state.retire();
  return { hosts: hosts.reached.length };
}

async function planInput(
  cluster: Cluster,
  reached: readonly ReachedHost[],
  given: Awaited<ReturnType<typeof givenEnvironment>>,
  options: ResetClusterOptions,
): Promise<Omit<ClusterPlanInput, 'hostOf'>> {
  const layout = hostLayout(cluster.name);
  const images = cluster.status.mounts.map(contractOf);
  const rootfs = images.find((image) => image.kind === 'rootfs');
  const master0 = reached.find(({ spec }) => spec.roles.includes('master'));
  const registry = registryHosts(cluster)[0];
  if (!rootfs || !master0 || !registry) {
    throw new SealosError('bad-state', `the stored Clusterfile of '${cluster.name}' does not say which images it was made of`, {
      exitCode: 2,
    });
  }
  const registryHost = reached.find(({ spec }) => spec.address.ip === registry.address.ip) ?? master0;
  const yaml = await registryHost.host.readFile(`${layout.rootfs}/etc/registry.yml`, { signal: options.signal });
  const registryConfig = parseRegistryConfig(yaml === undefined ? undefined : Buffer.from(yaml).toString(), 'etc/registry.yml');
  const hosts = reached.map(({ spec, facts }) => ({
    address: spec.address,
    hostname: facts.hostname,
    roles: spec.roles,
    facts,
    files: [],
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
  const env = hosts.find(({ address }) => address.ip === master0.spec.address.ip)?.env ?? new Map();
  return {
    layout,
    hosts,
    images: [],
    master0: master0.spec.address,
    registry: { host: registry.address, domain: registryConfig.domain, port: registryConfig.port, data: registryConfig.data },
    scripts: lifecycleScripts(images),
    vip: imageVip(rootfs, env),
    apiName: API_NAME,
    apiPort: 6443,
    certificates: [],
    kubeadm: { init: '', join: new Map(), skipPhaseFlags: { init: [], join: [] } },
    joinToken: '',
    skipPhases: [],
    commands: [],
    force: new Set(),
    timeout: options.timeout,
  };
}
