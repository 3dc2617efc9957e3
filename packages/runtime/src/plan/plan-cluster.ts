import type { Distribution } from '../distribution.ts';
import type { EtcdSchedule } from '../etcd/schedule.ts';
import type { Address, Host, HostFile } from '../host/host.ts';
import type { LifecycleScripts } from '../image-contract/cluster-image.ts';
import type { K3sPlan } from '../k3s/k3s-plan.ts';
import type { KeyPair } from '../pki/certificate.ts';
import type { Plan, Step } from '../step.ts';
import type { GuardImage } from '../steps/api-guard.ts';
import { applicationStep, applicationStepId } from '../steps/application.ts';
import type { ConfigFilesInput } from '../steps/config-files.ts';
import { masterAccessSteps } from '../steps/master-access.ts';
import { type MasterWithExecutable, SEALOS_EXECUTABLE_STEP, sealosExecutableStep } from '../steps/sealos-executable.ts';
import { k3sMembership } from './k3s-membership.ts';
import { kubeadmMembership } from './kubeadm-membership.ts';
import { hostSteps } from './plan-hosts.ts';
import { addresses, isMaster, type PlannedCommands, type PlanPart, type PlanShape } from './plan-input.ts';

export interface ClusterPlanInput extends PlanShape {
  /** What Configs change of the images' files; absent where the images are not asked for. */
  readonly configFiles?: Omit<ConfigFilesInput, 'needs'>;
  /** The cluster's name. */
  readonly cluster: string;
  /** What keeps the API's address on workers. */
  readonly guard: GuardImage;
  readonly etcdSchedule: EtcdSchedule | undefined;
  readonly scripts: LifecycleScripts;
  /** The rootfs is one of 2022, whose scripts expect another order. */
  readonly firstGeneration?: boolean | undefined;
  readonly vip: string;
  readonly apiName: string;
  readonly apiPort: number;
  /** The control plane that the others join: the one where the cluster begins, or one that stands. */
  readonly seat: Address;
  /** The cluster does not stand yet: nothing of an earlier host can be in its books. */
  readonly begins: boolean;
  /** Certificates, keys and kubeconfigs of one control plane. */
  readonly certificates: (master: Address) => readonly HostFile[];
  readonly kubeadm: {
    readonly init: string;
    readonly join: ReadonlyMap<string, string>;
    readonly skipPhaseFlags: { readonly init: readonly string[]; readonly join: readonly string[] };
    /** What `kubeadm init` would be given on a control plane, with more names for API servers' certificates: a secret. */
    readonly initOn: (master: Address, names: readonly string[]) => string;
  };
  /** Signs the first certificates of kubelets that join before the controller manager does; undefined: that one does it alone. */
  readonly kubeletAuthority?: KeyPair | undefined;
  readonly joinToken: string;
  /** In the place of the certificates, the kubeadm documents and the token where the distribution is k3s. */
  readonly k3s?: K3sPlan | undefined;
  readonly distribution: Distribution;
  /** This program on control planes; those without an executable for their architecture are not in the list. */
  readonly onMasters: {
    readonly executables: readonly MasterWithExecutable[];
    /** The user that hosts are reached as. */
    readonly userOf: (address: Address) => string;
    /** The Clusterfile that lies there. */
    readonly clusterfile: () => Promise<string>;
  };
  /** A containerd that a host has already is set aside. */
  readonly adoptContainerd: boolean;
  /** Files of the registry by which its tags lead to images of several architectures, relative to the rootfs. */
  readonly registryIndexes: readonly HostFile[];
  /** kubeadm phases that the image does without. */
  readonly skipPhases: readonly string[];
  /** In the order in which they run. */
  readonly commands: readonly PlannedCommands[];
  /** Names of images whose commands run again even where they ended well. */
  readonly force: ReadonlySet<string>;
  readonly hostOf: (address: Address) => Host;
  /** Milliseconds that one remote command may take. */
  readonly timeout: number | undefined;
}

/** What makes a cluster of hosts that are ready, for each distribution. */
const MEMBERSHIP = { kubernetes: kubeadmMembership, k3s: k3sMembership } as const;

/**
 * Everything that brings the hosts from whatever they are to the cluster that is wanted, in order; undone backwards it is the reset.
 * Pure: it reads nothing and no host. Each step finds out by itself what is still to do.
 */
export function planCluster(input: ClusterPlanInput): Plan {
  const { layout, hosts, timeout } = input;
  const ready = hostSteps(input);
  const steps: Step[] = [...ready.steps];
  const membership = MEMBERSHIP[input.distribution.name](input, ready.ends);
  steps.push(...membership.steps);

  const access = masterSteps(input, membership.ends);
  steps.push(...access.steps);

  let last = access.ends;
  for (const commands of input.commands) {
    const { image } = commands;
    const others = image.kind === 'application' ? addresses(hosts.filter(isMaster)).filter(({ ip }) => ip !== input.master0.ip) : [];
    const force = input.force.has(image.name);
    steps.push(applicationStep({ layout, commands, needs: last, witnesses: () => others.map(input.hostOf), force, timeout }));
    last = [applicationStepId(image.name)];
  }
  return { steps };
}

/** What images' commands may call on control planes: this program, and the hosts that it reaches from there. */
function masterSteps(input: ClusterPlanInput, needs: readonly string[]): PlanPart {
  const { layout, hosts, cluster, hostOf, onMasters } = input;
  if (onMasters.executables.length === 0) return { steps: [], ends: needs };
  const masters = onMasters.executables.map(({ address }) => address);
  const users = hosts.map(({ address }) => ({ address, user: onMasters.userOf(address) }));
  const steps = [
    sealosExecutableStep({ layout, masters: onMasters.executables, needs }),
    ...masterAccessSteps({ cluster, masters, hosts: users, hostOf, clusterfile: onMasters.clusterfile, needs: [SEALOS_EXECUTABLE_STEP] }),
  ];
  return { steps, ends: steps.slice(-1).map(({ id }) => id) };
}
