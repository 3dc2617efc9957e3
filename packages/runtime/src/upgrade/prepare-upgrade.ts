import { setTimeout as wait } from 'node:timers/promises';
import type { Environment, MountedImage } from '../cluster/cluster.ts';
import { type EtcdHealth, etcdHealth } from '../etcd/health.ts';
import { etcdIdentity } from '../etcd/identity.ts';
import type { Host } from '../host/host.ts';
import { script } from '../host/script.ts';
import { imageVip } from '../image-contract/cluster-image.ts';
import { hostEnvironment } from '../image-contract/environment.ts';
import { nodeName } from '../kubeadm/node.ts';
import type { ClusterPlanInput } from '../plan/plan-cluster.ts';
import { planUpgrade } from '../plan/plan-upgrade.ts';
import type { LoadedImage } from '../run/load-image.ts';
import { refuseFatal } from '../run/preflight.ts';
import { type ReachedHost, rootfsOf } from '../run/prepare.ts';
import { contractOf } from '../run/stored-plan.ts';
import type { ClusterState } from '../state/state.ts';
import type { Plan } from '../step.ts';
import { isMember } from '../steps/membership.ts';
import { upgradeFindings } from './check-upgrade.ts';
import { viewCluster } from './cluster-view.ts';
import { restoreManifests } from './kubeadm-step.ts';
import { unfinishedUpgrade } from './progress.ts';
import type { Upgrade } from './upgrade-of.ts';

export interface PrepareUpgradeOptions {
  readonly upgrade: Upgrade;
  /** The cluster as it shall be, with the new rootfs. */
  readonly input: ClusterPlanInput;
  /** What it was made of. */
  readonly mounts: readonly MountedImage[];
  readonly images: readonly LoadedImage[];
  readonly hosts: readonly ReachedHost[];
  readonly state: ClusterState;
  /** `spec.env`, and what `-e` gave each image. */
  readonly env: Environment;
  readonly given: ReadonlyMap<string, Environment>;
  readonly sealosVersion: string;
  readonly force: boolean;
  readonly dryRun: boolean;
  readonly warn: (message: string, host?: string) => void;
  readonly signal: AbortSignal;
}

/** How long an etcd that an interrupted upgrade left restarting may take to be well, in milliseconds. */
const ETCD_PATIENCE = 90_000;

/**
 * Looks at a cluster before an upgrade, refuses (exit 2, all findings at once) what speaks against it, and makes its plan. Nothing is
 * changed, but for one thing that an upgrade which was cut off may have left: a control plane without a manifest gets it back.
 */
export async function prepareUpgrade(options: PrepareUpgradeOptions): Promise<Plan> {
  const { upgrade, input, images, hosts, state, warn, signal } = options;
  const masters = hosts.filter(({ spec }) => spec.roles.includes('master'));
  const resumed = unfinishedUpgrade(hosts) !== undefined;
  if (resumed && !options.dryRun) await Promise.all(masters.map(({ host }) => restoreManifests(host, signal)));
  const seat = input.hostOf(input.seat);
  const view = await viewCluster(seat, signal);
  const etcd = await ownEtcdHealth(
    state,
    masters.map(({ host }) => host),
    resumed ? ETCD_PATIENCE : 0,
    signal,
  );
  const rootfs = rootfsOf(images);
  const findings = upgradeFindings({
    cluster: state.cluster,
    upgrade,
    hosts: hosts.map(({ spec, host, facts, markers }) => ({
      name: host.name,
      node: nodeName(facts.hostname),
      controlPlane: spec.roles.includes('master'),
      facts,
      markers,
      member: isMember(markers),
      bytesNeeded: resumed ? 0 : bytesNeeded(rootfs, spec.address.ip === input.registry.host.ip),
    })),
    view,
    etcd,
    ...settings(options),
    force: options.force,
  });
  refuseFatal(findings);
  for (const { host, message } of findings) warn(`${host}: ${message}`, host);
  return planUpgrade({
    cluster: input,
    upgrade,
    digest: rootfs.planned.digest,
    imageRepository: view.imageRepository,
    coreDns: view.coreDns,
    pki: state.pki,
    backups: `${state.home}/backups`,
    force: options.force,
  });
}

/** The container runtime unpacks the images once more. */
function bytesNeeded({ payloadBytes, registryBytes }: LoadedImage, servesRegistry: boolean): number {
  return payloadBytes + registryBytes + (servesRegistry ? registryBytes : 0);
}

/** What the old rootfs and the new one say on the first control plane. */
function settings({ upgrade, input, mounts, env, given, sealosVersion }: PrepareUpgradeOptions) {
  const seat = input.hosts.find(({ address }) => address.ip === input.seat.ip);
  const now = seat?.env ?? new Map<string, string>();
  const mount = mounts.find(({ type }) => type === 'rootfs');
  if (!mount) return { environments: { old: now, new: now }, vip: { old: input.vip, new: input.vip } };
  const old = contractOf(mount);
  const before = hostEnvironment({
    image: old.env,
    cluster: env,
    commandLine: given.get(upgrade.fromImage),
    roles: seat?.roles ?? [],
    sealosVersion,
  });
  return { environments: { old: before.env, new: now }, vip: { old: imageVip(old, before.env, input.seat.ip), new: input.vip } };
}

/** Every member's health; undefined where etcd runs elsewhere. */
async function ownEtcdHealth(
  state: ClusterState,
  masters: readonly Host[],
  patience: number,
  signal: AbortSignal,
): Promise<EtcdHealth | undefined> {
  const [first] = masters;
  if (!first) return undefined;
  const { exitCode } = await first.run(script`[ -e /etc/kubernetes/manifests/etcd.yaml ]`, {
    title: 'looking for etcd',
    signal,
    allowFailure: true,
  });
  if (exitCode !== 0) return undefined;
  const identity = await etcdIdentity(state.pki, masters, signal);
  for (const deadline = performance.now() + patience; ; ) {
    const health = await etcdHealth({ masters, identity, signal });
    if (health.healthy || performance.now() >= deadline) return health;
    await wait(1000, undefined, { signal });
  }
}
