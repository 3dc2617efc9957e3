import { etcdScheduleStep } from '../etcd/schedule-step.ts';
import type { Address } from '../host/host.ts';
import { nodeName } from '../kubeadm/node.ts';
import type { Step } from '../step.ts';
import { certificatesStep, kubeadmInitStep } from '../steps/kubeadm-init.ts';
import { kubeadmJoinStep, tokenAdmission } from '../steps/kubeadm-join.ts';
import { kubeconfigStep } from '../steps/kubeconfig.ts';
import { kubeletSigner } from '../steps/kubelet-signer.ts';
import { INIT_MARKER } from '../steps/membership.ts';
import { ownApiStep } from '../steps/own-api.ts';
import { prefetchImagesStep } from '../steps/prefetch-images.ts';
import { apiFinding } from './api-finding.ts';
import type { ClusterPlanInput } from './plan-cluster.ts';
import { addresses, isMaster, type PlannedHost, type PlanPart } from './plan-input.ts';

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
 * Where several control planes are to be, the images of the first are fetched before it begins, and those of the others while it waits for itself:
 * side by side they would all get theirs late.
 */
function fetchedAhead(
  { layout }: ClusterPlanInput,
  seat: Address,
  others: readonly Address[],
): { readonly steps: readonly Step[]; readonly ofSeat: readonly string[] } {
  const needs = ['certificates'];
  if (others.length === 0) return { steps: [], ofSeat: needs };
  const first = 'images-of-first';
  return {
    steps: [
      prefetchImagesStep({ id: first, title: 'fetching the container images of Kubernetes', layout, hosts: [seat], needs }),
      prefetchImagesStep({
        id: 'images-of-others',
        title: 'fetching the container images of the other control planes',
        layout,
        hosts: others,
        needs: [first],
      }),
    ],
    ofSeat: [first],
  };
}

/** Control planes and workers by kubeadm, and the address by which these find those; `ends` are the steps after which the cluster stands. */
export function kubeadmMembership(input: ClusterPlanInput, needs: readonly string[]): PlanPart {
  const { layout, hosts, seat, timeout } = input;
  const ignorePreflightErrors = expectedPreflightErrors(hosts, input.skipPhases);
  const masters = hosts.filter(isMaster);
  const workers = hosts.filter((host) => !isMaster(host));
  const furtherMasters = masters.filter(({ address }) => address.ip !== seat.ip);
  const images = fetchedAhead(input, seat, addresses(furtherMasters));
  const steps: Step[] = [
    certificatesStep({
      layout,
      seat,
      hostOf: input.hostOf,
      masters: addresses(masters),
      needs,
      certificates: input.certificates,
    }),
    ...images.steps,
    kubeadmInitStep({
      layout,
      seat,
      needs: images.ofSeat,
      config: input.kubeadm.init,
      skipPhaseFlags: input.kubeadm.skipPhaseFlags.init,
      ignorePreflightErrors,
      timeout,
    }),
  ];
  const ends = ['etcd-schedule'];

  const joining = {
    layout,
    seat,
    begins: input.begins,
    hostOf: input.hostOf,
    config: (address: Address) => input.kubeadm.join.get(address.ip) ?? '',
    skipPhaseFlags: input.kubeadm.skipPhaseFlags.join,
    admit: tokenAdmission(() => input.hostOf(seat), input.joinToken),
    signer:
      input.kubeletAuthority &&
      kubeletSigner({
        seat: () => input.hostOf(seat),
        authority: input.kubeletAuthority,
        tokenId: input.joinToken.split('.')[0] ?? '',
      }),
    ignorePreflightErrors,
    timeout,
  };
  const asJoining = (list: readonly PlannedHost[]) => list.map(({ address, hostname }) => ({ address, node: nodeName(hostname) }));
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
    kubeconfigStep({ source: input.distribution.kubeconfig, masters: addresses(masters), needs: [lastMaster] }),
    etcdScheduleStep({ cluster: input.cluster, schedule: input.etcdSchedule, masters: addresses(masters), needs: ['kubeconfig'] }),
  );

  if (workers.length > 0) {
    const found = apiFinding(input, { needs, joined: 'join-workers', lastMaster });
    steps.push(
      ...found.before,
      kubeadmJoinStep({
        ...joining,
        id: 'join-workers',
        title: 'joining the workers',
        hosts: asJoining(workers),
        controlPlane: false,
        needs: [INIT_MARKER, 'api-address'],
      }),
      ...found.after,
    );
    ends.push(...found.after.map(({ id }) => id));
  }
  return { steps, ends };
}
