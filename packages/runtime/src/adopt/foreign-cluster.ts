import { badInput } from '@sealos/image';
import { type Cluster, type Clusterfile, clusterHosts, emptyStatus, type HostGroup, type Ssh } from '../cluster/cluster.ts';
import type { KubeadmDocument } from '../kubeadm/document.ts';
import type { ForeignState } from './foreign-state.ts';
import type { LiveCluster } from './live-cluster.ts';

/** A cluster of another program in the form of this one. */
export interface ForeignCluster {
  readonly file: Clusterfile;
  /** Addresses of hosts that are part of the cluster, control planes first. */
  readonly members: readonly string[];
  /** What will not work, or not as elsewhere, a line each. */
  readonly warnings: readonly string[];
}

export interface ForeignClusterInput {
  /** The state that the other program left, if any was found. */
  readonly state: ForeignState | undefined;
  readonly live: LiveCluster;
  /** Its name where there is no state. */
  readonly name: string;
  readonly ssh: Ssh;
  /** RFC 3339; for a state that does not say when it was made. */
  readonly now: string;
}

const API_NAME = 'apiserver.cluster.local';

/** Brings what another program wrote down and what the cluster says of itself together; hosts that are no nodes are left out. Throws `other-cluster` (exit 2). */
export function foreignCluster({ state, live, name, ssh, now }: ForeignClusterInput): ForeignCluster {
  const warnings: string[] = [];
  const nodes = [...live.nodes].sort((a, b) => Number(b.controlPlane) - Number(a.controlPlane));
  const isNode = (ip: string) => nodes.some((node) => node.ip === ip);
  const written = state?.file.cluster;
  const groups = (written?.hosts ?? []).map((group) => {
    for (const { ip } of group.ips)
      if (!isNode(ip)) warnings.push(`${ip} is in the Clusterfile, but is no node of the cluster: it is left out`);
    return { ...group, ips: group.ips.filter(({ ip }) => isNode(ip)) };
  });
  if (state !== undefined && !groups.some(({ ips }) => ips.length > 0))
    throw badInput(
      'other-cluster',
      `none of the hosts in ${state.from} is a node of the cluster that was asked`,
      'name a control plane of it with --masters',
    );
  if ([written?.ssh, ...groups.map((group) => group.ssh)].some((own) => own?.passwd !== undefined))
    warnings.push('the password in the Clusterfile is not kept: give -p with each command, or use a key');
  const known = new Set(written === undefined ? [] : clusterHosts(written).map(({ address }) => address.ip));
  const others = nodes.filter(({ ip }) => !known.has(ip));
  if (written !== undefined)
    for (const { ip } of others) warnings.push(`${ip} is a node of the cluster, but not in the Clusterfile: it is taken in`);
  const port = (ssh.port ?? written?.ssh.port) || 22;
  const added = others.map(
    (node): HostGroup => ({ ips: [{ ip: node.ip, port }], roles: [node.controlPlane ? 'master' : 'node'], env: new Map() }),
  );
  const cluster: Cluster = {
    ...(written ?? { name, images: [], ssh: {}, env: new Map(), command: [], status: { ...emptyStatus, phase: 'ClusterSuccess' } }),
    createdAt: written?.createdAt ?? now,
    ssh: { ...written?.ssh, ...ssh },
    hosts: [...groups, ...added].filter(({ ips }) => ips.length > 0),
  };
  if (!cluster.status.mounts.some(({ type }) => type === 'rootfs'))
    warnings.push(
      'which images the cluster was made of is not known: add, delete and reset do not work on it, and run only of applications that it has',
    );
  if (live.endpoint !== undefined && !live.endpoint.startsWith(`${API_NAME}:`))
    warnings.push(`its API is found under ${live.endpoint}: keep that working; hosts that are added use ${API_NAME}`);
  const kubeadm = (state?.file.kubeadm ?? []).map(withoutStart);
  return {
    file: {
      cluster,
      configs: state?.file.configs ?? [],
      kubeadm: kubeadm.some(({ kind }) => kind === 'ClusterConfiguration') ? kubeadm : [...kubeadm, live.document],
    },
    members: nodes.map(({ ip }) => ip),
    warnings,
  };
}

/** Of the first start of a cluster or a host: tokens and keys, which are no settings, and addresses of hosts. */
const OF_ONE_START = new Set(['bootstrapTokens', 'certificateKey', 'localAPIEndpoint', 'discovery', 'controlPlane']);

/** A document as sealos 5 wrote it into its Clusterfile, without what it had filled in for one start. */
function withoutStart(document: KubeadmDocument): KubeadmDocument {
  if (document.kind !== 'InitConfiguration' && document.kind !== 'JoinConfiguration') return document;
  return { ...document, content: Object.fromEntries(Object.entries(document.content).filter(([key]) => !OF_ONE_START.has(key))) };
}
