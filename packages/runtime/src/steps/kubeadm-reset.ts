import type { Host } from '../host/host.ts';
import { type Script, script } from '../host/script.ts';
import type { StepContext } from '../step.ts';

/**
 * `kubeadm reset` without the phases that ask the rest of the cluster to forget this host: they would wait for an API that may be gone.
 * Whoever takes a single host away does that from another control plane (`forget-node.ts`).
 */
const resetScript = script`if command -v kubeadm >/dev/null; then
  skip=remove-etcd-member
  if kubeadm reset phase --help 2>&1 | grep -q update-cluster-status; then skip=$skip,update-cluster-status; fi
  # With it kubeadm would ask an API for its configuration that may be gone, and wait.
  rm -f /etc/kubernetes/admin.conf
  socket=$(sed -n 's/.*--container-runtime-endpoint=\\([^ "]*\\).*/\\1/p' /var/lib/kubelet/kubeadm-flags.env 2>/dev/null | head -1)
  kubeadm reset --force --skip-phases="$skip" \${socket:+--cri-socket "$socket"} || true
fi`;

/**
 * Takes back what an interrupted kubeadm left behind: it does not run over its own remains, of which bootstrap-kubelet.conf is the first
 * on a worker. Only called while the marker says that this host never finished, so a living control plane is never touched.
 *
 * The node may have been known already, and have had a block for its pods. Under its name it gets another one: what the pod network made of
 * the first would keep its pods there.
 */
export function resetPartialKubeadm(): Script {
  return script`if ls /etc/kubernetes/manifests/*.yaml >/dev/null 2>&1 || [ -e /var/lib/kubelet/config.yaml ] || [ -e /etc/kubernetes/bootstrap-kubelet.conf ] || [ -d /var/lib/etcd/member ]; then
  if [ -e /var/lib/kubelet/config.yaml ]; then find /etc/cni/net.d -type f -newer /var/lib/kubelet/config.yaml -delete 2>/dev/null || true; fi
  ( ${resetScript} ) >/dev/null 2>&1 || true
  rm -rf --one-file-system /etc/kubernetes/manifests /etc/kubernetes/pki /etc/kubernetes/*.conf /var/lib/etcd /var/lib/cni
  ip link delete cni0 2>/dev/null || true
fi`;
}

/** `kubeadm reset` and what it leaves: its directories, kube-proxy's rules, the address that IPVS mode puts on an interface. */
export async function resetKubeadm(host: Host, { signal, onLine }: StepContext): Promise<void> {
  await host.run(
    script`${resetScript}
for mount in $(awk '$2 ~ "^/var/lib/kubelet/" { print $2 }' /proc/mounts | sort -r); do umount -l "$mount" || true; done
rm -rf --one-file-system /etc/kubernetes /var/lib/etcd /etc/cni/net.d /var/lib/cni /var/log/kubernetes
if [ -d /var/lib/kubelet ]; then find /var/lib/kubelet -mindepth 1 -xdev -delete 2>/dev/null || true; fi
ip link delete kube-ipvs0 2>/dev/null || true
# Tools that were run in containers beside the kubelet's (a restore of etcd) leave the empty group of containerd's namespace.
for group in /sys/fs/cgroup/k8s.io /sys/fs/cgroup/*/k8s.io; do
  if [ -d "$group" ]; then find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || true; fi
done
if command -v kube-proxy >/dev/null; then kube-proxy --cleanup >/dev/null 2>&1 || true; fi
if command -v iptables-save >/dev/null && iptables-save 2>/dev/null | grep -q KUBE-; then
  iptables-save | grep -v KUBE- | iptables-restore || true
fi
true`,
    { title: 'kubeadm reset', signal, onLine },
  );
}
