import { isIPv6 } from 'node:net';
import * as v from 'valibot';
import { parse, stringify } from 'yaml';
import { DISTRIBUTIONS } from '../distribution.ts';
import { HostError } from '../error.ts';
import type { Host } from '../host/host.ts';
import { type Script, script } from '../host/script.ts';
import type { StepContext } from '../step.ts';

/** A host as the cluster knows it. */
export interface NodeIdentity {
  /** Name of its Kubernetes node, where it is known; else the address alone tells it. */
  readonly node: string | undefined;
  readonly ip: string;
}

type Watch = Pick<StepContext, 'signal' | 'onLine'>;

const KUBECTL = script`kubectl --kubeconfig ${DISTRIBUTIONS.kubernetes.kubeconfig}`;
const TIMEOUT = 120_000;

/** etcdctl of the control plane where this runs, inside its etcd pod: every etcd image of kubeadm brings it. */
function etcdctl({ address }: Host, command: Script): Script {
  // kubeadm has etcd listen on the loopback of the address' own family.
  const endpoint = `https://${isIPv6(address.ip) ? '[::1]' : '127.0.0.1'}:2379`;
  return script`${KUBECTL} -n kube-system exec "etcd-$(hostname | tr '[:upper:]' '[:lower:]')" -- etcdctl --endpoints=${endpoint} --cacert=/etc/kubernetes/pki/etcd/ca.crt --cert=/etc/kubernetes/pki/etcd/healthcheck-client.crt --key=/etc/kubernetes/pki/etcd/healthcheck-client.key ${command}`;
}

/**
 * Takes a host out of etcd's members, by the address that the others know it under; done where it is none. `seat` is another control
 * plane, which must be healthy; a cluster whose etcd runs elsewhere is left alone.
 */
export async function leaveEtcd(seat: Host, ip: string, { signal, onLine }: Watch): Promise<void> {
  const peer = `https://${isIPv6(ip) ? `[${ip}]` : ip}:`;
  const leave = script`if [ ! -e /etc/kubernetes/manifests/etcd.yaml ]; then exit 0; fi
# A control plane that has just begun tells the API of its etcd a few seconds later.
for i in $(seq 1 60); do
  if members=$(${etcdctl(seat, script`member list`)} 2>&1); then break; fi
  if [ "$i" = 60 ] || grep -q -e 'no leader' -e 'deadline exceeded' -e 'request timed out' <<<"$members"; then printf '%s\n' "$members" >&2; exit 3; fi
  sleep 0.5
done
for id in $(awk -F ', ' -v peer=${peer} 'index($4, peer) == 1 { print $1 }' <<<"$members"); do
  ${etcdctl(seat, script`member remove "$id"`)} || exit 3
done`;
  const title = `removing ${ip} from etcd`;
  const { exitCode, stderr } = await seat.run(leave, { title, signal, onLine, timeout: TIMEOUT, allowFailure: true });
  if (exitCode === 0) return;
  throw new HostError('etcd-unwell', `its etcd takes no changes: ${stderr.trim().split('\n').at(-1) ?? ''}`, {
    host: seat.name,
    title,
    commandStatus: exitCode,
    output: stderr,
    hint: 'more than half of its members must be up: start hosts that are off, or go back to a backup with `sealos etcd restore`',
  });
}

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
