import { SealosError } from '@sealos/image';
import * as v from 'valibot';
import type { Host } from '../host/host.ts';
import { script } from '../host/script.ts';
import { imageRepositoryOf } from './configuration.ts';

export interface NodeView {
  readonly name: string;
  readonly ready: boolean;
  /** With `v`. */
  readonly kubeletVersion: string;
  readonly unschedulable: boolean;
}

/** What an upgrade wants to know of a cluster before it begins. */
export interface ClusterView {
  readonly nodes: readonly NodeView[];
  readonly imageRepository: string | undefined;
  /** CoreDNS as kubeadm installs it runs there. */
  readonly coreDns: boolean;
  /** Pods that no controller would make anew elsewhere, `namespace/name`, by node. */
  readonly barePods: ReadonlyMap<string, readonly string[]>;
  /** Disruption budgets that allow no pod to go at the moment, `namespace/name`. */
  readonly tightBudgets: readonly string[];
}

const nodesSchema = v.object({
  items: v.array(
    v.object({
      metadata: v.object({ name: v.string() }),
      spec: v.object({ unschedulable: v.optional(v.boolean()) }),
      status: v.object({
        conditions: v.optional(v.array(v.object({ type: v.string(), status: v.string() })), []),
        nodeInfo: v.object({ kubeletVersion: v.string() }),
      }),
    }),
  ),
});

const SEPARATOR = '--next--';

/** Asks a control plane's API; one that is just coming back is given two minutes. Changes nothing. */
export async function viewCluster(seat: Host, signal: AbortSignal): Promise<ClusterView> {
  const kubectl = script`kubectl --kubeconfig /etc/kubernetes/admin.conf --request-timeout=30s`;
  const pods =
    'jsonpath={range .items[*]}{.metadata.namespace}|{.metadata.name}|{.spec.nodeName}|{.status.phase}|{.metadata.ownerReferences[0].kind}{"\\n"}{end}';
  const budgets =
    'jsonpath={range .items[*]}{.metadata.namespace}/{.metadata.name} {.status.disruptionsAllowed} {.status.expectedPods}{"\\n"}{end}';
  const { stdout } = await seat.run(
    script`for try in $(seq 1 60); do
  if answer=$(${kubectl} get --raw /readyz 2>&1); then break; fi
  if [ "$try" = 60 ]; then printf '%s\n' "$answer" >&2; exit 1; fi
  sleep 2
done
${kubectl} get nodes -o json && echo ${SEPARATOR} &&
${kubectl} -n kube-system get configmap kubeadm-config -o ${'jsonpath={.data.ClusterConfiguration}'} && echo && echo ${SEPARATOR} &&
${kubectl} -n kube-system get configmap coredns --ignore-not-found -o name && echo ${SEPARATOR} &&
${kubectl} get pods -A -o ${pods} && echo ${SEPARATOR} &&
${kubectl} get poddisruptionbudgets -A -o ${budgets}`,
    { title: "asking for the cluster's state", signal, timeout: 240_000 },
  );
  return parseView(stdout.split(new RegExp(`^${SEPARATOR}$\n?`, 'm')), seat.name);
}

function parseView([nodes = '', configuration = '', coreDns = '', pods = '', budgets = '']: readonly string[], host: string): ClusterView {
  const parsed = v.safeParse(nodesSchema, JSON.parse(nodes));
  if (!parsed.success) throw new SealosError('bad-answer', `${host}: kubectl's list of nodes is not understood`);
  const barePods = new Map<string, string[]>();
  for (const line of pods.split('\n')) {
    const [namespace, name, node, phase, owner] = line.split('|');
    if (!node || owner || phase === 'Succeeded' || phase === 'Failed') continue;
    barePods.set(node, [...(barePods.get(node) ?? []), `${namespace}/${name}`]);
  }
  return {
    nodes: parsed.output.items.map(({ metadata, spec, status }) => ({
      name: metadata.name,
      ready: status.conditions.some(({ type, status: is }) => type === 'Ready' && is === 'True'),
      kubeletVersion: status.nodeInfo.kubeletVersion,
      unschedulable: spec.unschedulable ?? false,
    })),
    imageRepository: imageRepositoryOf(configuration),
    coreDns: coreDns.trim() !== '',
    barePods,
    tightBudgets: budgets.split('\n').flatMap((line) => {
      const [name = '', allowed, expected] = line.split(' ');
      return name !== '' && Number(allowed) === 0 && Number(expected) > 0 ? [name] : [];
    }),
  };
}
