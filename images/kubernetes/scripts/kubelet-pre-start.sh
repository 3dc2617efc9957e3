#!/bin/bash
# What the kernel must have ready, before each start of the kubelet. A feature may be built into the kernel, or this host may be a
# container that cannot change it: what fails is said, and whether it matters shows elsewhere.
set -uo pipefail

for module in overlay bridge br_netfilter nf_conntrack ip_vs ip_vs_rr ip_vs_wrr ip_vs_sh; do
  [[ -d /sys/module/$module ]] || modprobe "$module" 2> /dev/null || absent+=" $module"
done
[[ -z ${absent:-} ]] || echo "kernel modules not loaded (built in, or not there):$absent"

while read -r key value; do
  file=/proc/sys/${key//.//}
  [[ -e $file ]] || continue
  # The kernel parts several values by tabs.
  [[ $(tr '\t' ' ' < "$file") == "$value" ]] || { printf '%s\n' "$value" > "$file"; } 2> /dev/null || echo "sysctl $key cannot be set to $value"
done < <(sed -n 's/^\([a-z][^= ]*\) *= *\(.*\)$/\1 \2/p' /etc/sysctl.d/99-sealos-k8s.conf)

if [[ $(wc -l < /proc/swaps) -gt 1 ]]; then swapoff -a 2> /dev/null || echo 'swap cannot be turned off'; fi
exit 0
