import semver from 'semver';
import type { Environment } from '../cluster/cluster.ts';
import type { EtcdHealth } from '../etcd/health.ts';
import type { HostFacts } from '../host/host.ts';
import type { Finding } from '../run/preflight.ts';
import { markerName } from '../steps/marker.ts';
import type { ClusterView } from './cluster-view.ts';
import { partMarker } from './progress.ts';
import type { Upgrade } from './upgrade-of.ts';

/** One host before its upgrade. */
export interface UpgradeHost {
  readonly name: string;
  /** Name of its Kubernetes node. */
  readonly node: string;
  readonly controlPlane: boolean;
  readonly facts: Pick<HostFacts, 'diskFreeBytes'>;
  readonly markers: ReadonlySet<string>;
  /** It is part of the running cluster. */
  readonly member: boolean;
  /** Bytes that the new version's files will take below the data directory. */
  readonly bytesNeeded: number;
}

export interface UpgradeCheckInput {
  readonly cluster: string;
  readonly upgrade: Upgrade;
  readonly hosts: readonly UpgradeHost[];
  readonly view: ClusterView;
  /** Undefined where etcd is not the cluster's own. */
  readonly etcd: EtcdHealth | undefined;
  /** The environment of the old rootfs and of the new one, of one host, and the API's virtual addresses that they name. */
  readonly environments: { readonly old: Environment; readonly new: Environment };
  readonly vip: { readonly old: string; readonly new: string };
  /** Takes pods away that nothing makes anew. */
  readonly force: boolean;
}

/** Room for the images that are unpacked by the container runtime, besides the files that are sent. */
const RESERVE = 1e9;

/** Settings by which running containers, hosts and certificates know where things are: a new image must not move them. */
const FIXED = ['registryDomain', 'registryPort', 'registryData', 'criData', 'SEALOS_SYS_CRI_ENDPOINT'];

/** Everything that speaks against an upgrade, at once; pure. What is not fatal is worth knowing. */
export function upgradeFindings(input: UpgradeCheckInput): readonly Finding[] {
  return [...input.hosts.flatMap((host) => hostFindings(input, host)), ...clusterFindings(input)];
}

function hostFindings({ upgrade, view, force, hosts }: UpgradeCheckInput, host: UpgradeHost): readonly Finding[] {
  const { from, to } = upgrade;
  const findings: Finding[] = [];
  const refuse = (message: string) => findings.push({ host: host.name, message, fatal: true });
  const warn = (message: string) => findings.push({ host: host.name, message, fatal: false });
  const done = (part: 'kubeadm' | 'node') => host.markers.has(markerName(partMarker({ to, digest: '' }, part)));
  if (!host.member) {
    refuse('it is not part of the cluster yet: upgrade first, then add it (or the other way round)');
    return findings;
  }
  const node = view.nodes.find(({ name }) => name === host.node);
  if (!node) refuse(`the cluster has no node ${host.node}`);
  else {
    // One that an interrupted upgrade left between two versions is what this call is to put right.
    if (!node.ready && done('kubeadm') && !done('node')) warn(`node ${node.name} is not ready: its upgrade was cut off, and goes on now`);
    else if (!node.ready) refuse(`node ${node.name} is not ready`);
    const kubelet = semver.parse(node.kubeletVersion);
    if (!kubelet) refuse(`its kubelet's version '${node.kubeletVersion}' is not understood`);
    else if (semver.gt(kubelet, to)) refuse(`its kubelet is ${node.kubeletVersion}, newer than ${to}`);
    // kubeadm's own rule: every kubelet is of the cluster's minor version before the next one comes.
    else if (kubelet.minor < semver.minor(from))
      refuse(`its kubelet is ${node.kubeletVersion}, the cluster ${from}: bring it to ${from} first`);
    if (node.unschedulable && !done('kubeadm')) warn(`node ${node.name} is out of scheduling, and stays so`);
  }
  if (host.facts.diskFreeBytes < host.bytesNeeded + RESERVE) {
    const [free, needed] = [host.facts.diskFreeBytes, host.bytesNeeded + RESERVE].map((bytes) => (bytes / 1e9).toFixed(1));
    refuse(`${free} GB are free on the disk of /var/lib/sealos, ${needed} GB are needed`);
  }
  const bare = view.barePods.get(host.node) ?? [];
  if (bare.length > 0 && hosts.length > 1 && !done('node')) {
    const names = bare.join(', ');
    if (force) warn(`pods that nothing makes anew are taken away: ${names}`);
    else refuse(`pods that nothing would make anew run there: ${names}; delete them, or take them away with --force`);
  }
  return findings;
}

function clusterFindings({ cluster, upgrade, view, etcd, environments, vip, hosts }: UpgradeCheckInput): readonly Finding[] {
  const findings: Finding[] = [];
  const add = (message: string, fatal: boolean) => findings.push({ host: `cluster ${cluster}`, message, fatal });
  for (const member of etcd?.members ?? []) {
    if (!member.healthy) add(`etcd on ${member.endpoint} is not healthy: ${member.problem}`, true);
  }
  if (vip.old !== vip.new) {
    add(`${upgrade.toImage} has the API at ${vip.new}, the cluster has it at ${vip.old}: keep it with -e defaultVIP=${vip.old}`, true);
  }
  for (const key of FIXED) {
    const [was, is] = [environments.old.get(key), environments.new.get(key)];
    if (was !== undefined && is !== undefined && was !== is)
      add(`${upgrade.toImage} sets ${key}=${is}, the cluster has ${was}: keep it with -e ${key}=${was}`, true);
  }
  const known = new Set(hosts.map(({ node }) => node));
  for (const { name, kubeletVersion } of view.nodes) {
    if (!known.has(name)) add(`node ${name} (${kubeletVersion}) is no host of this cluster's: it is not upgraded`, false);
  }
  for (const budget of view.tightBudgets)
    add(`the disruption budget ${budget} lets no pod go at the moment: a node that holds one cannot be drained`, false);
  if (hosts.filter(({ controlPlane }) => controlPlane).length === 1) {
    add('it has one control plane: the API is away for some seconds while that one is upgraded', false);
  }
  if (hosts.length === 1) add('it has one host, which is not drained: its pods go on running', false);
  return findings;
}
