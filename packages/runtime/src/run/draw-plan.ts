import { refuseOtherOptions } from '../changes/k3s-changes.ts';
import { type Cluster, type Clusterfile, type ClusterHost, type Environment, registryHosts } from '../cluster/cluster.ts';
import type { Address } from '../host/host.ts';
import { layeredOptions } from '../k3s/documents.ts';
import { nodeName } from '../kubeadm/node.ts';
import { type ClusterPlanInput, planCluster } from '../plan/plan-cluster.ts';
import { type LeavingHost, planRemoval } from '../plan/plan-removal.ts';
import { prepareReconfigure } from '../reconfigure/prepare-reconfigure.ts';
import { copiedSecrets } from '../state/copied-secrets.ts';
import { lastingClusterfile } from '../state/lasting-clusterfile.ts';
import type { ClusterState } from '../state/state.ts';
import type { Plan, Step } from '../step.ts';
import { clusterStateStep } from '../steps/cluster-state.ts';
import { clusterfileForMasters } from '../steps/master-access.ts';
import { registryContentStep } from '../steps/registry-content.ts';
import { prepareUpgrade } from '../upgrade/prepare-upgrade.ts';
import { resolveUpgrade } from '../upgrade/resolve-upgrade.ts';
import { carryEnvironment, type Upgrade, withNewRootfs } from '../upgrade/upgrade-of.ts';
import { checkHosts } from './check-hosts.ts';
import { exists } from './desired.ts';
import { clearingSteps } from './leftovers.ts';
import { loadImage } from './load-image.ts';
import { loadImages, platformsOfHosts, preparePlan, type ReachedHost, rootfsOf } from './prepare.ts';
import type { PartlyReachedHosts } from './reach-hosts.ts';
import { mountOf } from './remember.ts';
import { storedPlanInput } from './stored-plan.ts';
import { type ChangeOptions, ipsOf, onlyTakesAway, type Wish } from './wish.ts';

export interface DrawPlanInput extends ChangeOptions {
  readonly state: ClusterState;
  readonly stored: Clusterfile | undefined;
  readonly wish: Wish;
  readonly hosts: PartlyReachedHosts;
  /** Those of the hosts that hold remains of an earlier life in the cluster. */
  readonly leftovers: readonly ReachedHost[];
  /** What `-e` gave each image, in this call or the one that first ran it. */
  readonly given: ReadonlyMap<string, Environment>;
  readonly warn: (message: string, host?: string) => void;
}

/** A plan and what the state says when it has been carried out. */
export interface DrawnPlan {
  readonly steps: readonly Step[];
  /** The wanted cluster with its images as they were found. */
  readonly cluster: Cluster;
  readonly upgrade: Upgrade | undefined;
  readonly given: ReadonlyMap<string, Environment>;
  readonly master0: Address;
  /** Images whose commands are in the plan. */
  readonly running: readonly string[];
}

/** Steps by which hosts find the API, the registry and one another; all that those that stay need to hear when others leave. */
const ADDRESS_STEPS = [
  'registry-name',
  'api-name',
  'api-address',
  'api-members',
  'api-guard',
  'master-keys',
  'master-access',
  'master-copy',
];

function addressSteps(input: ClusterPlanInput): Plan {
  const steps = planCluster(input).steps.filter(({ id }) => ADDRESS_STEPS.includes(id));
  return { steps: steps.map((step) => ({ ...step, needs: step.needs.filter((id) => ADDRESS_STEPS.includes(id)) })) };
}

/** The main part of a plan: the hosts that stay and those that are new become the cluster that is wanted. */
interface Growth {
  readonly input: ClusterPlanInput;
  readonly plan: Plan;
  readonly cluster: Cluster;
  readonly upgrade: Upgrade | undefined;
  readonly given: ReadonlyMap<string, Environment>;
}

async function growth(drawing: DrawPlanInput, staying: readonly ReachedHost[]): Promise<Growth> {
  const { wish, stored, hosts, warn, signal, store, pull } = drawing;
  const loading = { ...platformsOfHosts(staying), pull, configs: wish.file.configs, trust: drawing.trust, signal };
  const had = stored?.cluster.status.mounts ?? [];
  const cluster = await withNewRootfs(wish.file.cluster, had, async (name) => (await loadImage(store, name, loading)).contract);
  const createdAt = async () => (await drawing.state.read())?.cluster.createdAt;
  const onMasters = (mounted: Cluster) => async () =>
    lastingClusterfile(clusterfileForMasters({ ...wish.file, cluster: mounted }), await createdAt());
  if (stored && onlyTakesAway(stored, wish)) {
    const { given } = drawing;
    const clusterfile = onMasters(cluster);
    const input = await storedPlanInput({ ...drawing, cluster, hosts: { ...hosts, reached: staying }, clusterfile });
    return { input, plan: addressSteps(input), cluster, upgrade: undefined, given };
  }
  const images = await loadImages(store, cluster.images, { ...loading, newCluster: !exists(stored) });
  const upgrade = resolveUpgrade(stored, images, { staying, leaving: wish.leaving.length });
  const given = upgrade ? carryEnvironment(drawing.given, upgrade) : drawing.given;
  const mounted = { ...cluster, status: { ...cluster.status, mounts: images.map(mountOf) } };
  checkHosts({ cluster, hosts: staying, images, given, adoptContainerd: drawing.adoptContainerd, warn });
  const input = await preparePlan({
    ...drawing,
    ...wish,
    cluster,
    hosts: staying,
    images,
    given,
    requested: new Set(wish.requested),
    userDocuments: wish.file.kubeadm,
    userK3s: wish.file.k3s,
    masterClusterfile: onMasters(mounted),
  });
  let plan = upgrade
    ? await prepareUpgrade({ ...drawing, upgrade, input, mounts: had, images, hosts: staying, env: cluster.env, given, force: wish.force })
    : planCluster(input);
  const stands = input.hosts.some(({ address, member }) => member && address.ip === input.seat.ip);
  if (stored && stands && input.k3s) {
    const options = (userOptions: Clusterfile['k3s']) => layeredOptions({ imageOptions: rootfsOf(images).k3s, userOptions });
    refuseOtherOptions(options(stored.k3s), options(wish.file.k3s), cluster.name);
  }
  if (!upgrade && stored && stands && !input.k3s) {
    const reconfiguring = await prepareReconfigure({
      stored,
      documents: wish.file.kubeadm,
      input,
      images,
      needs: plan.steps.map(({ id }) => id),
      signal,
    });
    plan = { steps: [...plan.steps, ...reconfiguring] };
  }
  return { input, plan, cluster: mounted, upgrade, given };
}

function leavingHosts(leaving: readonly ClusterHost[], hosts: PartlyReachedHosts): readonly LeavingHost[] {
  return leaving.map(({ address, roles }) => {
    const reached = hosts.reached.find(({ spec }) => spec.address.ip === address.ip);
    return { address, controlPlane: roles.includes('master'), node: reached && nodeName(reached.facts.hostname) };
  });
}

/**
 * The whole plan of a change, in this order: remains of earlier lives are cleared, what is new is added, the registry's content moves
 * with its host, what leaves is taken away, and the copy of the state in the cluster is renewed.
 */
export async function drawPlan(drawing: DrawPlanInput): Promise<DrawnPlan> {
  const { wish, stored, hosts, state, leftovers } = drawing;
  const gone = ipsOf(wish.leaving);
  const staying = hosts.reached
    .filter(({ spec }) => !gone.has(spec.address.ip))
    .map((reached) => (leftovers.includes(reached) ? { ...reached, markers: new Set<string>() } : reached));
  const { input, plan, cluster, upgrade, given } = await growth(drawing, staying);

  const clearing = leftovers.flatMap(({ spec }) => clearingSteps(input, spec.address));
  const cleared = clearing.map(({ id }) => id);
  const steps = [...clearing, ...plan.steps.map((step) => ({ ...step, needs: [...cleared, ...step.needs] }))];
  const held = stored && registryHosts(stored.cluster)[0];
  const holder = hosts.reached.find(({ spec }) => spec.address.ip === held?.address.ip);
  if (holder && holder.spec.address.ip !== input.registry.host.ip) {
    steps.push(registryContentStep({ layout: input.layout, from: holder.host, to: input.registry.host, needs: ['init-registry'] }));
  }
  const all = () => steps.map(({ id }) => id);
  if (stored && wish.leaving.length > 0) {
    const made = planCluster(await storedPlanInput({ ...drawing, cluster: stored.cluster, hosts, given }));
    const { force } = wish;
    const leaving = leavingHosts(wish.leaving, hosts);
    steps.push(
      ...planRemoval({ seat: input.seat, distribution: input.distribution, leaving, made, needs: all(), force, hostOf: hosts.hostOf }),
    );
  }
  const copy = async () => ({
    clusterfile: lastingClusterfile({ ...wish.file, cluster }, (await state.read())?.cluster.createdAt),
    secrets: await copiedSecrets(state),
  });
  steps.push(clusterStateStep({ seat: input.seat, kubeconfig: input.distribution.kubeconfig, needs: all(), copy }));
  return { steps, cluster, upgrade, given, master0: input.master0, running: input.commands.map(({ image }) => image.name) };
}
