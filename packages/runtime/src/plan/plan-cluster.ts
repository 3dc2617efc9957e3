import type { EtcdSchedule } from '../etcd/schedule.ts';
import { etcdScheduleStep } from '../etcd/schedule-step.ts';
import type { Address, Host, HostFile } from '../host/host.ts';
import type { LifecycleScripts } from '../image-contract/cluster-image.ts';
import { nodeName } from '../kubeadm/node.ts';
import type { Plan, Step } from '../step.ts';
import { apiAddressStep, chooseBalancing } from '../steps/api-address.ts';
import { apiGuardStep, type GuardImage } from '../steps/api-guard.ts';
import { applicationStep, applicationStepId } from '../steps/application.ts';
import type { ConfigFilesInput } from '../steps/config-files.ts';
import { certificatesStep, kubeadmInitStep, kubeconfigStep } from '../steps/kubeadm-init.ts';
import { kubeadmJoinStep, tokenAdmission } from '../steps/kubeadm-join.ts';
import { masterAccessSteps } from '../steps/master-access.ts';
import { INIT_MARKER } from '../steps/membership.ts';
import { ownApiStep } from '../steps/own-api.ts';
import { type MasterWithExecutable, SEALOS_EXECUTABLE_STEP, sealosExecutableStep } from '../steps/sealos-executable.ts';
import { hostSteps } from './plan-hosts.ts';
import type { PlannedCommands, PlannedHost, PlanShape } from './plan-input.ts';

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
  /** Certificates, keys and kubeconfigs of one control plane. */
  readonly certificates: (master: Address) => readonly HostFile[];
  readonly kubeadm: {
    readonly init: string;
    readonly join: ReadonlyMap<string, string>;
    readonly skipPhaseFlags: { readonly init: readonly string[]; readonly join: readonly string[] };
    /** What `kubeadm init` would be given on a control plane, with more names for API servers' certificates: a secret. */
    readonly initOn: (master: Address, names: readonly string[]) => string;
  };
  readonly joinToken: string;
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

const addresses = (hosts: readonly PlannedHost[]) => hosts.map(({ address }) => address);
const isMaster = (host: PlannedHost) => host.roles.includes('master');

/** kubeadm's complaints that the facts explain: the kernel has what it needs in another form, or the host cannot change it. */
function expectedPreflightErrors(hosts: readonly PlannedHost[], skipPhases: readonly string[]): readonly string[] {
  const facts = hosts.flatMap((host) => (host.facts ? [host.facts] : []));
  const errors = new Set<string>();
  if (facts.some((host) => !host.kernelFeatures.bridgeNetfilter)) errors.add('FileContent--proc-sys-net-bridge-bridge-nf-call-iptables');
  if (facts.some((host) => host.swapOn)) errors.add('Swap');
  // kubeadm pulls CoreDNS' image even where it leaves CoreDNS out; the other images are pulled all the same, by the kubelet at the latest.
  if (skipPhases.includes('addon/coredns')) errors.add('ImagePull');
  return [...errors];
}

/**
 * Everything that brings the hosts from whatever they are to the cluster that is wanted, in order; undone backwards it is the reset.
 * Pure: it reads nothing and no host. Each step finds out by itself what is still to do.
 */
export function planCluster(input: ClusterPlanInput): Plan {
  const { layout, hosts, timeout } = input;
  const ready = hostSteps(input);
  const steps: Step[] = [...ready.steps];
  const membership = membershipSteps(input, { needs: ready.ends, ignorePreflightErrors: expectedPreflightErrors(hosts, input.skipPhases) });
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
function masterSteps(
  input: ClusterPlanInput,
  needs: readonly string[],
): { readonly steps: readonly Step[]; readonly ends: readonly string[] } {
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

/** Control planes, workers and the address by which these find those; `ends` are the steps after which the cluster stands. */
function membershipSteps(
  input: ClusterPlanInput,
  before: { readonly needs: readonly string[]; readonly ignorePreflightErrors: readonly string[] },
): { readonly steps: readonly Step[]; readonly ends: readonly string[] } {
  const { layout, hosts, seat, timeout } = input;
  const masters = hosts.filter(isMaster);
  const workers = hosts.filter((host) => !isMaster(host));
  const steps: Step[] = [
    certificatesStep({
      layout,
      seat,
      hostOf: input.hostOf,
      masters: addresses(masters),
      needs: before.needs,
      certificates: input.certificates,
    }),
    kubeadmInitStep({
      layout,
      seat,
      needs: ['certificates'],
      config: input.kubeadm.init,
      skipPhaseFlags: input.kubeadm.skipPhaseFlags.init,
      ignorePreflightErrors: before.ignorePreflightErrors,
      timeout,
    }),
  ];
  const ends = ['etcd-schedule'];

  const joining = {
    layout,
    seat,
    hostOf: input.hostOf,
    config: (address: Address) => input.kubeadm.join.get(address.ip) ?? '',
    skipPhaseFlags: input.kubeadm.skipPhaseFlags.join,
    admit: tokenAdmission(() => input.hostOf(seat), input.joinToken),
    ignorePreflightErrors: before.ignorePreflightErrors,
    timeout,
  };
  const asJoining = (list: readonly PlannedHost[]) => list.map(({ address, hostname }) => ({ address, node: nodeName(hostname) }));
  const furtherMasters = masters.filter(({ address }) => address.ip !== seat.ip);
  let lastMaster: string = INIT_MARKER;
  if (furtherMasters.length > 0) {
    steps.push(
      kubeadmJoinStep({
        ...joining,
        id: 'join-masters',
        title: 'joining the other control planes',
        hosts: asJoining(furtherMasters),
        controlPlane: true,
        needs: [INIT_MARKER],
      }),
      ownApiStep({ layout, masters: addresses(furtherMasters), apiName: input.apiName, needs: ['join-masters'] }),
    );
    lastMaster = 'own-api-name';
  }
  steps.push(
    kubeconfigStep({ layout, masters: addresses(masters), needs: [lastMaster] }),
    etcdScheduleStep({ cluster: input.cluster, schedule: input.etcdSchedule, masters: addresses(masters), needs: ['kubeconfig'] }),
  );

  if (workers.length > 0) {
    const balanced = {
      layout,
      workers: workers.map((host) => ({ address: host.address, balancing: host.facts ? chooseBalancing(host.facts) : 'direct' })),
      vip: input.vip,
      port: input.apiPort,
    };
    const standing = masters.filter((host) => host.member || host.address.ip === seat.ip);
    steps.push(
      // Only over the control planes that answer while a worker joins: a third of its calls would fail otherwise.
      apiAddressStep({ ...balanced, masters: addresses(standing), needs: before.needs }),
      kubeadmJoinStep({
        ...joining,
        id: 'join-workers',
        title: 'joining the workers',
        hosts: asJoining(workers),
        controlPlane: false,
        needs: [INIT_MARKER, 'api-address'],
      }),
    );
    ends.push('api-guard');
    steps.push(apiGuardStep({ ...balanced, masters: addresses(masters), guard: input.guard, needs: ['join-workers', lastMaster] }));
    if (standing.length < masters.length) {
      steps.push({
        ...apiAddressStep({ ...balanced, masters: addresses(masters), needs: [lastMaster, 'join-workers'] }),
        id: 'api-members',
        title: 'balancing the API over all control planes',
      });
      ends.push('api-members');
    }
  }
  return { steps, ends };
}
