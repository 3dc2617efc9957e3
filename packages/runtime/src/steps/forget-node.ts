import * as v from 'valibot';
import { parse, stringify } from 'yaml';
import { DISTRIBUTIONS } from '../distribution.ts';
import type { Host } from '../host/host.ts';
import { script } from '../host/script.ts';
import type { StepContext } from '../step.ts';

/** A host as the cluster knows it. */
export interface NodeIdentity {
  /** Name of its Kubernetes node, where it is known; else the address alone tells it. */
  readonly node: string | undefined;
  readonly ip: string;
}

type Watch = Pick<StepContext, 'signal' | 'onLine'>;

const TIMEOUT = 120_000;

/**
 * Takes a host out of the API's books: its node, and kubeadm's list of control planes (Kubernetes before 1.22). `kubeconfig` is the
 * administrator's on `seat`.
 */
export async function forgetNode(
  seat: Host,
  { node, ip }: NodeIdentity,
  watch: Watch,
  kubeconfig: string = DISTRIBUTIONS.kubernetes.kubeconfig,
): Promise<void> {
  const kubectl = script`kubectl --kubeconfig ${kubeconfig}`;
  const addresses =
    'jsonpath={range .items[*]}{.metadata.name}{range .status.addresses[?(@.type=="InternalIP")]} {.address}{end}{"\\n"}{end}';
  const { stdout } = await seat.run(
    script`nodes=$(${kubectl} get nodes -o ${addresses}) || exit
for node in $(awk -v node=${node ?? ''} -v ip=${ip} '$1 == node { print $1; next } { for (i = 2; i <= NF; i++) if ($i == ip) print $1 }' <<<"$nodes"); do
  ${kubectl} delete node "$node" >&2 || exit
done
${kubectl} -n kube-system get configmap kubeadm-config --ignore-not-found -o ${'jsonpath={.data.ClusterStatus}'}`,
    { title: `removing the node of ${ip}`, timeout: TIMEOUT, ...watch },
  );
  const status = withoutEndpoint(stdout, { node, ip });
  if (status === undefined) return;
  const patch = JSON.stringify({ data: { ClusterStatus: status } });
  await seat.run(script`${kubectl} -n kube-system patch configmap kubeadm-config --type merge -p ${patch} >/dev/null`, {
    title: `removing ${ip} from kubeadm's list of control planes`,
    timeout: TIMEOUT,
    ...watch,
  });
}

const statusSchema = v.looseObject({ apiEndpoints: v.record(v.string(), v.looseObject({ advertiseAddress: v.optional(v.string()) })) });

/** kubeadm's `ClusterStatus` document (before v1beta3) without one control plane; undefined where it does not name it. */
export function withoutEndpoint(clusterStatus: string, { node, ip }: NodeIdentity): string | undefined {
  const status = v.safeParse(statusSchema, parse(clusterStatus));
  if (!status.success) return undefined;
  const endpoints = Object.entries(status.output.apiEndpoints);
  const others = endpoints.filter(([name, { advertiseAddress }]) => name !== node && advertiseAddress !== ip);
  return others.length === endpoints.length ? undefined : stringify({ ...status.output, apiEndpoints: Object.fromEntries(others) });
}
