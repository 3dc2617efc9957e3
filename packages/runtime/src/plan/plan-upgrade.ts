import type { Address, HostFile } from '../host/host.ts';
import { nodeName } from '../kubeadm/node.ts';
import type { Plan, Step } from '../step.ts';
import { layersStep } from '../steps/layers.ts';
import { configurationStep } from '../upgrade/configuration-step.ts';
import { drainForUpgradeStep, uncordonStep } from '../upgrade/cordon.ts';
import { newIdentities } from '../upgrade/identities.ts';
import { kubeadmUpgradeStep } from '../upgrade/kubeadm-step.ts';
import { nodeUpgradeStep } from '../upgrade/node-step.ts';
import { beginUpgradeStep, endUpgradeStep, type UpgradeTarget } from '../upgrade/progress.ts';
import { pullImagesStep } from '../upgrade/pull-images.ts';
import { registryAgain } from '../upgrade/registry-again.ts';
import { replaceRootfsStep } from '../upgrade/replace-rootfs.ts';
import { snapshotStep } from '../upgrade/snapshot-step.ts';
import type { Upgrade } from '../upgrade/upgrade-of.ts';
import { type ClusterPlanInput, planCluster } from './plan-cluster.ts';
import { architecturesOf, type PlannedHost } from './plan-input.ts';

export interface UpgradePlanInput {
  /** The cluster as it shall be, with the new rootfs. */
  readonly cluster: ClusterPlanInput;
  readonly upgrade: Upgrade;
  /** Digest of the new rootfs image. */
  readonly digest: string;
  readonly imageRepository: string | undefined;
  readonly coreDns: boolean;
  /** The operator's directories of certificates and of backups. */
  readonly pki: string;
  readonly backups: string;
  /** Goes on after a minute where pods do not leave a node. */
  readonly force: boolean;
  /** Workers that are away at a time (default 1). */
  readonly workersAtATime?: number | undefined;
}

const isMaster = (host: PlannedHost) => host.roles.includes('master');

/** Steps of a cluster's plan that an upgrade does node by node: the image's scripts that change what runs on a host. */
const NODE_BY_NODE = ['init-cri', 'init'];
/** The image's look at hosts that do not run a cluster yet. */
const ONLY_WHEN_NEW = ['check', 'adopt-runtime'];

/**
 * Brings a cluster to the next version of Kubernetes, and then to whatever else is wanted of it: all that can be prepared on all hosts at
 * once, then the control planes one after the other, then the workers. Pure. It begins and ends with a record on every host, and every
 * step finds what was done already, so that it goes on with the first node that is not done.
 */
export function planUpgrade(input: UpgradePlanInput): Plan {
  const { cluster, upgrade } = input;
  const { layout, hosts, images, seat, timeout } = cluster;
  const target: UpgradeTarget = { to: upgrade.to, digest: input.digest };
  const all = hosts.map(({ address }) => address);
  // The seat first: it is the one that asks the API for the others.
  const masters = hosts.filter(isMaster).toSorted((a, b) => Number(b.address.ip === seat.ip) - Number(a.address.ip === seat.ip));
  const workers = hosts.filter((host) => !isMaster(host));
  // Until the first of the scripts, a cluster's plan brings files and the registry: that is done while all nodes are of the old version.
  const usual = planCluster(cluster).steps.filter(({ id }) => !ONLY_WHEN_NEW.includes(id));
  const turn = usual.findIndex(({ id }) => NODE_BY_NODE.includes(id));
  const preparing = usual.slice(0, turn);

  const steps: Step[] = [];
  let last: readonly string[] = [];
  const then = (step: Step) => {
    steps.push(step);
    last = [step.id];
  };
  const before = { layout, target };
  then(beginUpgradeStep({ ...before, hosts: all, needs: [] }));
  then(
    snapshotStep({
      ...before,
      seat,
      masters: masters.map(({ address }) => address),
      needs: last,
      pki: input.pki,
      backups: input.backups,
      hostOf: cluster.hostOf,
    }),
  );
  const whole = {
    layout,
    hosts: all,
    images,
    master0: cluster.master0,
    registryHost: cluster.registry.host,
    architectures: architecturesOf(cluster.hosts),
  };
  then(replaceRootfsStep({ ...whole, needs: last }));
  for (const step of preparing) {
    if (step.id === 'layers')
      then({ ...layersStep({ ...whole, images: images.filter(({ kind }) => kind === 'application') }), needs: last });
    else then({ ...(step.id === 'init-registry' ? registryAgain(step, layout, target) : step), needs: last });
  }
  then(
    pullImagesStep({
      ...before,
      hosts: hosts.map((host) => ({ address: host.address, controlPlane: isMaster(host) })),
      needs: last,
      imageRepository: input.imageRepository,
      coreDns: input.coreDns,
      timeout,
    }),
  );
  then(configurationStep({ ...before, seat, needs: last, from: upgrade.from, superAdmin: superAdminOf(cluster, masters) }));

  const scripts = usual.filter(({ id }) => NODE_BY_NODE.includes(id));
  const node = (host: PlannedHost, first: boolean, needs: readonly string[]): readonly string[] => {
    const { address } = host;
    const one = { ...before, seat, address, node: nodeName(host.hostname), hostOf: cluster.hostOf, force: input.force };
    const isAlone = hosts.length === 1;
    let own = needs;
    const next = (step: Step) => {
      steps.push(step);
      own = [step.id];
    };
    // Kubernetes' own order: a node is out of scheduling only while its kubelet changes (kubernetes.io, "Upgrading kubeadm clusters").
    const identities = isMaster(host) ? newIdentities(upgrade, cluster.certificates(address)) : [];
    next(kubeadmUpgradeStep({ ...before, address, first, identities, needs: own, skipPhases: cluster.skipPhases, timeout }));
    // Where there is no other host, its pods have nowhere to go.
    if (!isAlone) next(drainForUpgradeStep({ ...one, needs: own }));
    next(nodeUpgradeStep({ ...one, controlPlane: isMaster(host), needs: own, scripts }));
    if (!isAlone) next(uncordonStep({ ...one, needs: own }));
    return own;
  };
  for (const [index, host] of masters.entries()) last = node(host, index === 0, last);
  const lanes: (readonly string[])[] = Array.from({ length: Math.max(1, input.workersAtATime ?? 1) }, () => last);
  for (const [index, host] of workers.entries()) lanes[index % lanes.length] = node(host, false, lanes[index % lanes.length] ?? last);
  last = [...new Set(lanes.flat())];

  then(endUpgradeStep({ ...before, hosts: all, needs: last }));
  // What is left of the usual plan follows the new image: where hosts find the API, and the images' commands.
  const rest = usual.slice(turn).filter(({ id }) => !NODE_BY_NODE.includes(id));
  const own = new Set(rest.map(({ id }) => id));
  for (const step of rest) steps.push({ ...step, needs: [...last, ...step.needs.filter((id) => own.has(id))] });
  return { steps };
}

/** The kubeconfig that Kubernetes has from 1.29 on for an administrator whom no rule restrains. */
function superAdminOf({ certificates }: ClusterPlanInput, masters: readonly PlannedHost[]): HostFile | undefined {
  const files = masters.flatMap(({ address }: { readonly address: Address }) => certificates(address));
  return files.find(({ path }) => path === '/etc/kubernetes/super-admin.conf');
}
