import { formatEndpoint } from '@sealos/lvscare';
import { nodeName } from '../kubeadm/node.ts';
import type { Step } from '../step.ts';
import { hostNamesStep } from '../steps/host-names.ts';
import { k3sStartStep } from '../steps/k3s-start.ts';
import { kubeconfigStep } from '../steps/kubeconfig.ts';
import { K3S_INIT_MARKER } from '../steps/membership.ts';
import { operatorKubeconfigStep } from '../steps/operator-kubeconfig.ts';
import { apiFinding } from './api-finding.ts';
import type { ClusterPlanInput } from './plan-cluster.ts';
import { addresses, isMaster, type PlannedHost, type PlanPart } from './plan-input.ts';

/**
 * Servers and agents of k3s, and the address by which these find those. There are no certificates of ours: k3s makes its own, and hosts
 * are let in by tokens.
 */
export function k3sMembership(input: ClusterPlanInput, needs: readonly string[]): PlanPart {
  const { layout, hosts, seat, k3s, distribution, apiName, apiPort } = input;
  if (!k3s) throw new Error('a plan of k3s without its configuration');
  const masters = hosts.filter(isMaster);
  const workers = hosts.filter((host) => !isMaster(host));
  const start = (id: string, title: string, started: readonly PlannedHost[], before: readonly string[]): Step =>
    k3sStartStep({
      id,
      title,
      layout,
      seat,
      hosts: started.map((host) => ({ address: host.address, node: nodeName(host.hostname), controlPlane: isMaster(host) })),
      needs: before,
      k3s,
      hostOf: input.hostOf,
      timeout: input.timeout,
    });
  const isSeat = ({ address }: PlannedHost) => address.ip === seat.ip;
  const steps: Step[] = [start(K3S_INIT_MARKER, 'starting the first control plane', masters.filter(isSeat), needs)];
  const further = masters.filter((host) => !isSeat(host));
  let lastMaster: string = K3S_INIT_MARKER;
  if (further.length > 0) {
    lastMaster = 'own-api-name';
    steps.push(
      start('join-masters', 'joining the other control planes', further, [K3S_INIT_MARKER]),
      // From here on each finds its own API.
      hostNamesStep({
        id: lastMaster,
        title: 'naming each control plane its own API',
        needs: ['join-masters'],
        hosts: further.map(({ address }) => ({ address, names: [{ domain: apiName, ip: address.ip }] })),
      }),
    );
  }
  const source = distribution.kubeconfig;
  const operator = { read: k3s.operator.readKubeconfig, write: k3s.operator.writeKubeconfig };
  steps.push(
    kubeconfigStep({ source, masters: addresses(masters), needs: [lastMaster] }),
    operatorKubeconfigStep({ seat, source, api: formatEndpoint({ ip: apiName, port: apiPort }), needs: ['kubeconfig'], ...operator }),
  );
  const ends = ['operator-kubeconfig'];
  if (workers.length > 0) {
    const found = apiFinding(input, { needs, joined: 'join-workers', lastMaster });
    const join = start('join-workers', 'joining the workers', workers, [lastMaster, 'api-address']);
    steps.push(...found.before, join, ...found.after);
    ends.push(...found.after.map(({ id }) => id));
  }
  return { steps, ends };
}
