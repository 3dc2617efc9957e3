import { isIPv6 } from 'node:net';
import { parse, stringify } from 'yaml';
import type { Host } from '../host/host.ts';
import { type Script, script } from '../host/script.ts';
import type { StepContext } from '../step.ts';

/** A host as the cluster knows it. */
export interface NodeIdentity {
  /** Name of its Kubernetes node. */
  readonly node: string;
  readonly ip: string;
}

type Watch = Pick<StepContext, 'signal' | 'onLine'>;

const KUBECTL = script`kubectl --kubeconfig /etc/kubernetes/admin.conf`;
const TIMEOUT = 120_000;

/** etcdctl of the control plane where this runs, inside its etcd pod: every etcd image of kubeadm brings it. */
function etcdctl(command: Script): Script {
  return script`${KUBECTL} -n kube-system exec "etcd-$(hostname | tr '[:upper:]' '[:lower:]')" -- etcdctl --endpoints=https://127.0.0.1:2379 --cacert=/etc/kubernetes/pki/etcd/ca.crt --cert=/etc/kubernetes/pki/etcd/healthcheck-client.crt --key=/etc/kubernetes/pki/etcd/healthcheck-client.key ${command}`;
}

/**
 * Takes a host out of etcd's members, by the address that the others know it under; done where it is none. `seat` is another control
 * plane, which must be healthy; a cluster whose etcd runs elsewhere is left alone.
 */
export async function leaveEtcd(seat: Host, { ip }: NodeIdentity, { signal, onLine }: Watch): Promise<void> {
  const peer = `https://${isIPv6(ip) ? `[${ip}]` : ip}:`;
  await seat.run(
    script`if [ ! -e /etc/kubernetes/manifests/etcd.yaml ]; then exit 0; fi
members=$(${etcdctl(script`member list`)}) || exit
for id in $(awk -F ', ' -v peer=${peer} 'index($4, peer) == 1 { print $1 }' <<<"$members"); do
  ${etcdctl(script`member remove "$id"`)} || exit
done`,
    { title: `removing ${ip} from etcd`, signal, onLine, timeout: TIMEOUT },
  );
}

/** Takes a host out of the cluster's books: etcd's members, its node, and kubeadm's list of control planes (Kubernetes before 1.22). */
export async function forgetNode(seat: Host, identity: NodeIdentity, watch: Watch): Promise<void> {
  const { node } = identity;
  await leaveEtcd(seat, identity, watch);
  const { stdout } = await seat.run(
    script`${KUBECTL} delete node ${node} --ignore-not-found >&2 || exit
${KUBECTL} -n kube-system get configmap kubeadm-config --ignore-not-found -o ${'jsonpath={.data.ClusterStatus}'}`,
    { title: `removing node ${node}`, timeout: TIMEOUT, ...watch },
  );
  const status = withoutEndpoint(stdout, node);
  if (status === undefined) return;
  const patch = JSON.stringify({ data: { ClusterStatus: status } });
  await seat.run(script`${KUBECTL} -n kube-system patch configmap kubeadm-config --type merge -p ${patch} >/dev/null`, {
    title: `removing ${node} from kubeadm's list of control planes`,
    timeout: TIMEOUT,
    ...watch,
  });
}

/** kubeadm's `ClusterStatus` document (before v1beta3) without one control plane; undefined where it does not name it. */
export function withoutEndpoint(clusterStatus: string, node: string): string | undefined {
  const status: unknown = parse(clusterStatus);
  if (typeof status !== 'object' || status === null || !('apiEndpoints' in status)) return undefined;
  const { apiEndpoints } = status;
  if (typeof apiEndpoints !== 'object' || apiEndpoints === null || !(node in apiEndpoints)) return undefined;
  return stringify({ ...status, apiEndpoints: Object.fromEntries(Object.entries(apiEndpoints).filter(([name]) => name !== node)) });
}
