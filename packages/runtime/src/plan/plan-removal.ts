import { DISTRIBUTIONS, type Distribution } from '../distribution.ts';
import { leaveEtcd } from '../etcd/leave.ts';
import type { Address, Host } from '../host/host.ts';
import type { Plan, Step, StepContext } from '../step.ts';
import { drainStep } from '../steps/drain.ts';
import { forgetNode, type NodeIdentity } from '../steps/forget-node.ts';

/** A host on its way out of the cluster. */
export interface LeavingHost {
  readonly address: Address;
  readonly controlPlane: boolean;
  /** Name of its Kubernetes node, where the host answers; one that is gone is only taken out of the books. */
  readonly node: string | undefined;
}

export interface RemovalInput {
  /** A control plane that stays. */
  readonly seat: Address;
  readonly leaving: readonly LeavingHost[];
  readonly distribution: Distribution;
  /** The plan by which the cluster was made: undone on a leaving host, it leaves nothing there. */
  readonly made: Plan;
  readonly needs: readonly string[];
  /** Does not wait for pods that do not leave. */
  readonly force: boolean;
  readonly hostOf: (address: Address) => Host;
}

type Leave = (seat: Host, identity: NodeIdentity, context: StepContext) => Promise<void>;

const LEAVE_ETCD: Readonly<Record<Distribution['name'], Leave>> = {
  kubernetes: (seat, { ip }, context) => leaveEtcd(seat, ip, context),
  // k3s takes a member out of its etcd when the node is deleted, and must be there for it.
  k3s: (seat, identity, context) => forgetNode(seat, identity, context, DISTRIBUTIONS.k3s.kubeconfig),
};

/**
 * Takes hosts out of a cluster: each is drained and, one after the other, leaves etcd; then everything of the cluster is removed from
 * it, and at last its node. Pure. Whatever was done already is found done, so that a removal that was cut off goes on.
 */
export function planRemoval(input: RemovalInput): readonly Step[] {
  const { seat, force } = input;
  const { kubeconfig, name: distribution } = input.distribution;
  const steps: Step[] = [];
  let needs = input.needs;
  const then = (step: Step) => {
    steps.push(step);
    needs = [step.id];
  };
  // Members that are dead first: with them in the count, taking out a living one could cost etcd its majority.
  const leaving = [...input.leaving].sort((a, b) => Number(a.node !== undefined) - Number(b.node !== undefined));
  for (const host of leaving) {
    const { node } = host;
    const { ip } = host.address;
    if (node !== undefined) then(drainStep({ id: `drain ${ip}`, seat, node, kubeconfig, needs, force }));
    if (host.controlPlane) {
      then({
        id: `leave-etcd ${ip}`,
        title: `taking ${ip} out of etcd`,
        hosts: [seat],
        needs,
        check: async () => ({ what: `remove ${ip} from etcd's members, if it is one` }),
        apply: (on, context) => LEAVE_ETCD[distribution](on, { node, ip }, context),
      });
    }
  }
  const gone = new Set(leaving.filter(({ node }) => node !== undefined).map(({ address }) => address.ip));
  const [first, ...rest] = undoing(input.made, gone);
  if (first) then({ ...first, needs });
  for (const step of rest) then(step);
  for (const { node, address } of leaving) {
    const { ip } = address;
    then({
      id: `forget ${ip}`,
      title: `removing the node of ${ip}`,
      hosts: [seat],
      needs,
      check: async () => ({ what: `delete the node of ${ip}, if it is there` }),
      apply: (on, context) => forgetNode(on, { node, ip }, context, kubeconfig),
    });
  }
  return steps;
}

/** A plan's steps backwards, one after the other, each as a step that undoes it on some of its hosts. */
export function undoing(made: Plan, ips: ReadonlySet<string>): readonly Step[] {
  let needs: readonly string[] = [];
  return made.steps.toReversed().flatMap((step): readonly Step[] => {
    const hosts = step.hosts.filter(({ ip }) => ips.has(ip));
    const { undo } = step;
    if (!undo || hosts.length === 0) return [];
    const before = needs;
    needs = [`undo ${step.id}`];
    return [
      {
        id: `undo ${step.id}`,
        title: `undoing: ${step.title}`,
        hosts,
        needs: before,
        check: async () => ({ what: 'take it back' }),
        apply: (host, context) => undo(host, context),
      },
    ];
  });
}
