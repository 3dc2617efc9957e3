import type { Platform, Store, Trust } from '@sealos/image';
import { type Cluster, type Clusterfile, type ClusterHost, clusterHosts, masters, registryHosts } from '../cluster/cluster.ts';
import type { OnRunEvent } from '../event.ts';
import type { Connection } from './reach-hosts.ts';

/** What every call that changes a cluster is given, whatever it changes. */
export interface ChangeOptions {
  readonly connection: Connection;
  readonly store: Store;
  /** Fetches an image that the store does not have. */
  readonly pull: (name: string, platform: Platform, signal: AbortSignal) => Promise<void>;
  /** Which images may go to hosts; default: what containers' policy.json says. */
  readonly trust?: Trust | undefined;
  readonly dryRun: boolean;
  /** `--adopt-containerd`: a containerd that a host has already is set aside for the image's own; a reset puts it back. */
  readonly adoptContainerd: boolean;
  readonly sealosVersion: string;
  /** Milliseconds that one remote command may take; undefined: as long as it takes. */
  readonly timeout: number | undefined;
  readonly onEvent: OnRunEvent;
  readonly signal: AbortSignal;
}

/** What a cluster shall be. */
export interface Wish {
  /** The word of the command line, for the journal. */
  readonly verb: string;
  /** What stays and what is new. */
  readonly file: Clusterfile;
  /** Hosts that shall be of the cluster no more. */
  readonly leaving: readonly ClusterHost[];
  /** Images whose commands this call runs. */
  readonly requested: readonly string[];
  /** `-e K=V` for them. */
  readonly env: readonly string[];
  /** `--cmd`: replaces the CMD of the first of them. */
  readonly command: readonly string[];
  /** Runs their commands even where they ended well, and does not wait for pods that do not leave a node. */
  readonly force: boolean;
  readonly keepGoing: boolean;
}

export interface ChangeResult {
  readonly cluster: string;
  /** Steps that changed something, over all hosts; 0: everything was as it should be. */
  readonly changed: number;
  /** Kubeconfig of the cluster's administrator on this machine. */
  readonly kubeconfig: string;
  readonly master0: string;
}

export const ipsOf = (hosts: readonly ClusterHost[]): ReadonlySet<string> => new Set(hosts.map(({ address }) => address.ip));

/** Whether hosts only leave, and none that holds what others need: then the images themselves are not asked for. */
export function onlyTakesAway(stored: Clusterfile, { file, leaving, requested }: Wish): boolean {
  const before = ipsOf(clusterHosts(stored.cluster));
  const gone = ipsOf(leaving);
  const holders = [...masters(stored.cluster).slice(0, 1), ...registryHosts(stored.cluster).slice(0, 1)];
  return (
    leaving.length > 0 &&
    requested.length === 0 &&
    clusterHosts(file.cluster).every(({ address }) => before.has(address.ip)) &&
    !holders.some(({ address }) => gone.has(address.ip))
  );
}

/** What the state says until all is done: the hosts that were there, in their order, leaving or not, then the new ones. */
export function meanwhile(wanted: Cluster, stored: Clusterfile | undefined): Cluster {
  if (!stored) return wanted;
  const known = ipsOf(clusterHosts(stored.cluster));
  const added = wanted.hosts.map((group) => ({ ...group, ips: group.ips.filter(({ ip }) => !known.has(ip)) }));
  return { ...wanted, hosts: [...stored.cluster.hosts, ...added.filter(({ ips }) => ips.length > 0)] };
}
