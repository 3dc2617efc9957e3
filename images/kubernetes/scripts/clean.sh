#!/bin/bash
# Takes back what init.sh did and what pods left. Succeeds where nothing is there; containerd may still run.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
source ./common.sh

remove_unit kubelet.service

# While containerd runs, it ends the pods itself: processes, mounts, network.
if systemctl is-active --quiet containerd.service 2> /dev/null && [[ -x $BIN_DIR/crictl ]]; then
  for pod in $(timeout 30 "$BIN_DIR/crictl" pods -q 2> /dev/null || true); do
    timeout 30 "$BIN_DIR/crictl" stopp "$pod" > /dev/null 2>&1 || true
    timeout 30 "$BIN_DIR/crictl" rmp -f "$pod" > /dev/null 2>&1 || true
  done
fi

# One that lives on would write its rules again.
end_containers
bash ./clean-network.sh

unmount_below /var/lib/kubelet
# /var/lib/kubelet may be a mount itself: what is in it goes, the directory where it can.
if [[ -d /var/lib/kubelet ]]; then
  find /var/lib/kubelet -xdev -mindepth 1 -delete 2> /dev/null || true
  rmdir /var/lib/kubelet 2> /dev/null || true
fi
rm -rf /etc/kubernetes/manifests /var/log/pods /var/log/containers /var/lib/cni /etc/cni/net.d
# Directories that kubelet made; what somebody keeps in them stays.
for directory in /etc/kubernetes /etc/cni /usr/libexec/kubernetes /var/lib/etcd; do
  [[ ! -d $directory ]] || find "$directory" -xdev -depth -type d -empty -delete
done

# crictl and the runtime's own programs belong to clean-cri.sh.
for program in ../bin/*; do
  [[ ${program##*/} == crictl ]] || rm -f "$BIN_DIR/${program##*/}"
done
rm -f "$BIN_DIR/kubelet-pre-start.sh" /etc/sysctl.d/99-sealos-k8s.conf /etc/security/limits.d/sealos-k8s.conf
for plugin in ../cni/*; do rm -f "/opt/cni/bin/${plugin##*/}"; done
rmdir /opt/cni/bin /opt/cni 2> /dev/null || true

if grep -Eqs ' localhost # sealos$' /etc/hosts; then
  # In place: the file may be a mount, and others may have it open.
  kept=$(grep -Ev ' localhost # sealos$' /etc/hosts || true)
  printf '%s\n' "$kept" > /etc/hosts
fi

for firewall in firewalld ufw; do
  [[ ! -e $state/$firewall ]] || systemctl enable --now --quiet "$firewall" || warn "$firewall cannot be turned on again"
done
if [[ -e $state/selinux ]]; then
  sed -i 's/^SELINUX=permissive/SELINUX=enforcing/' /etc/selinux/config
  setenforce 1 || warn 'SELinux cannot be set to enforcing again'
fi
bash ./host-before.sh restore
rm -rf "$state"
info 'Kubernetes is removed from this host'
