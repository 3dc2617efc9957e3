import { type Clusterfile, clusterHosts } from '../cluster/cluster.ts';
import type { Address } from '../host/host.ts';
import { script } from '../host/script.ts';
import { hostLayout } from '../layout.ts';
import { type ClusterPlanInput, planCluster } from '../plan/plan-cluster.ts';
import { undoing } from '../plan/plan-removal.ts';
import type { Step } from '../step.ts';
import type { ReachedHost } from './prepare.ts';

/** On a host that holds remains of an earlier life in this cluster, until they are cleared away. */
const LEFTOVER = 'leftover';

/**
 * Hosts that are new in a cluster and yet say that they are part of it: they were dead when they were taken out of its books. What they
 * say of themselves is true no more.
 */
export function leftoverHosts(hosts: readonly ReachedHost[], stored: Clusterfile | undefined): readonly ReachedHost[] {
  if (!stored) return [];
  const known = new Set(clusterHosts(stored.cluster).map(({ address }) => address.ip));
  return hosts.filter(({ spec, markers }) => markers.has(LEFTOVER) || (markers.size > 0 && !known.has(spec.address.ip)));
}

/** Takes from a host its claims. From then on, whoever comes, it is known as one that must be cleared first. */
export async function disown({ host, markers }: ReachedHost, cluster: string, signal: AbortSignal): Promise<void> {
  if (markers.has(LEFTOVER)) return;
  const directory = hostLayout(cluster).markers;
  await host.run(script`touch ${`${directory}/${LEFTOVER}`} && find ${directory} -mindepth 1 ! -name ${LEFTOVER} -delete`, {
    title: 'marking the remains of an earlier life',
    signal,
  });
}

/**
 * Steps that take everything of a cluster off a host, whatever it was there: control plane, worker, the registry's host. `input` is the
 * plan that the host shall be part of.
 */
export function clearingSteps(input: ClusterPlanInput, host: Address): readonly Step[] {
  const asRole = (role: string) =>
    planCluster({
      ...input,
      hosts: input.hosts.map((planned) => (planned.address.ip === host.ip ? { ...planned, roles: [role] } : planned)),
      // Not the one that lets others in: a control plane of its own kind, which joined.
      seat: input.seat.ip === host.ip ? { ...input.seat, ip: '' } : input.seat,
      registry: { ...input.registry, host },
      onMasters: {
        ...input.onMasters,
        executables: [{ address: host, executable: { path: '', size: 0, sha256: '' }, compression: 'none' }],
      },
    }).steps;
  const worker = asRole('node');
  const master = asRole('master').filter((step) => !worker.some(({ id }) => id === step.id));
  const ips = new Set([host.ip]);
  const steps = undoing({ steps: [...worker, ...master] }, ips);
  return steps.map((step) => ({ ...step, id: `${step.id} ${host.ip}`, needs: step.needs.map((id) => `${id} ${host.ip}`) }));
}
