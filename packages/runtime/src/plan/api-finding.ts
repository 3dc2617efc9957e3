import type { Step } from '../step.ts';
import { apiAddressStep, chooseBalancing } from '../steps/api-address.ts';
import { apiGuardStep } from '../steps/api-guard.ts';
import type { ClusterPlanInput } from './plan-cluster.ts';
import { addresses, isMaster } from './plan-input.ts';

export interface ApiFindingNeeds {
  /** Steps before the workers' kernels are given the API's address. */
  readonly needs: readonly string[];
  /** The step in which the workers join. */
  readonly joined: string;
  /** The step after which all control planes are there. */
  readonly lastMaster: string;
}

/** How workers find the API: the steps before they join, and those after. */
export function apiFinding(
  input: ClusterPlanInput,
  { needs, joined, lastMaster }: ApiFindingNeeds,
): { readonly before: readonly Step[]; readonly after: readonly Step[] } {
  const { layout, hosts, seat, guard, distribution } = input;
  const masters = hosts.filter(isMaster);
  const workers = hosts.filter((host) => !isMaster(host));
  const balanced = {
    layout,
    workers: workers.map((host) => ({ address: host.address, balancing: host.facts ? chooseBalancing(host.facts) : 'direct' })),
    vip: input.vip,
    port: input.apiPort,
  };
  const standing = masters.filter((host) => host.member || host.address.ip === seat.ip);
  const members: Step = {
    ...apiAddressStep({ ...balanced, masters: addresses(masters), needs: [lastMaster, joined] }),
    id: 'api-members',
    title: 'balancing the API over all control planes',
  };
  return {
    // Only over the control planes that answer while a worker joins: a third of its calls would fail otherwise.
    before: [apiAddressStep({ ...balanced, masters: addresses(standing), needs })],
    after: [
      apiGuardStep({ ...balanced, masters: addresses(masters), guard, distribution, needs: [joined, lastMaster] }),
      ...(standing.length < masters.length ? [members] : []),
    ],
  };
}
