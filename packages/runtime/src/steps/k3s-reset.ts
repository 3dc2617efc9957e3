import type { Host } from '../host/host.ts';
import { script } from '../host/script.ts';
import type { StepContext } from '../step.ts';

/**
 * Ends k3s and all pods of a host, and removes what they leave: its directories, mounts, interfaces and rules. k3s' unit stops without its
 * pods (`KillMode=process`), so they are ended by their cgroups, and containerd's shims by the socket in their command lines.
 */
export async function resetK3s(host: Host, { signal, onLine }: StepContext): Promise<void> {
  await host.run(
    script`systemctl disable --now --quiet k3s 2>/dev/null || true
for process in /proc/[0-9]*; do
  command=$(tr '\\0' ' ' <"$process/cmdline") 2>/dev/null || continue
  case $command in *containerd-shim*/run/k3s/containerd/*) kill -KILL "\${process#/proc/}" 2>/dev/null ;; esac
done
find /sys/fs/cgroup -path '*/kubepods*' -name cgroup.procs -exec cat {} + 2>/dev/null | while read -r process; do kill -KILL "$process" 2>/dev/null; done
for mount in $(awk '$2 ~ "^/(run/k3s|var/lib/rancher/k3s|var/lib/kubelet)/" || $2 ~ "^/run/netns/cni-" { print $2 }' /proc/mounts | sort -r); do umount -l "$mount" || true; done
rm -f /run/netns/cni-*
for link in cni0 flannel.1 flannel-v6.1 flannel-wg flannel-wg-v6 kube-ipvs0; do ip link delete "$link" 2>/dev/null || true; done
rm -rf --one-file-system /etc/rancher/k3s /etc/rancher/node /var/lib/rancher/k3s /run/k3s /run/flannel /etc/cni/net.d /var/lib/cni /var/log/pods /var/log/containers
rmdir /etc/rancher /var/lib/rancher 2>/dev/null || true
if [ -d /var/lib/kubelet ]; then find /var/lib/kubelet -mindepth 1 -xdev -delete 2>/dev/null || true; fi
for family in iptables ip6tables; do
  if command -v "$family-save" >/dev/null && "$family-save" 2>/dev/null | grep -qiE 'KUBE-|CNI-|flannel'; then
    "$family-save" | grep -viE 'KUBE-|CNI-|flannel' | "$family-restore" || true
  fi
done
true`,
    { title: 'ending k3s', signal, onLine },
  );
}
