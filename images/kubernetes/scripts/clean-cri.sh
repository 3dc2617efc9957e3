#!/bin/bash
# Removes containerd and every container that it ran. clean-cri.sh CRI_DATA
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
source ./common.sh
data=${1:-/var/lib/containerd}

# Of another's containerd, nothing is touched.
if [[ -e $units/containerd.service ]] && ! grep -qs 'installed by sealos' "$units/containerd.service"; then
  warn 'containerd here is not of this image: it stays'
  exit 0
fi
remove_unit containerd.service

end_containers

remove_data "$data"
unmount_below /run/containerd
rm -rf --one-file-system /run/containerd /etc/containerd /opt/containerd
if [[ -e /etc/ld.so.conf.d/containerd.conf ]]; then
  rm -f /etc/ld.so.conf.d/containerd.conf
  ldconfig
fi
for program in containerd containerd-shim-runc-v2 ctr runc crictl; do rm -f "$BIN_DIR/$program"; done
rm -f /etc/crictl.yaml
# kubelet's groups of pods, empty now: innermost first.
for group in /sys/fs/cgroup/kubepods* /sys/fs/cgroup/*/kubepods*; do
  find "$group" -depth -type d -exec rmdir {} + 2> /dev/null || true
done
info 'containerd is removed from this host'
