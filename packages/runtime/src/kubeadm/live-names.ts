import { parse } from 'yaml';
import type { Host } from '../host/host.ts';
import { script } from '../host/script.ts';
import { isTree, valueAt } from './tree.ts';

/**
 * The names that the cluster's own `kubeadm-config` asks of every API server's certificate. A control plane that joins must have them
 * all, those of hosts that have left too: kubeadm compares. `host` is a control plane that stands.
 */
export async function liveApiNames(host: Host, signal: AbortSignal): Promise<readonly string[]> {
  const { stdout } = await host.run(
    script`kubectl --kubeconfig /etc/kubernetes/admin.conf --request-timeout=20s -n kube-system get configmap kubeadm-config -o ${'jsonpath={.data.ClusterConfiguration}'}`,
    { title: "reading kubeadm's configuration in the cluster", signal, timeout: 60_000 },
  );
  const content: unknown = parse(stdout);
  const names = isTree(content) ? valueAt(content, ['apiServer', 'certSANs']) : undefined;
  return Array.isArray(names) ? names.map(String) : [];
}
