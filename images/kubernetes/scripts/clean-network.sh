#!/bin/bash
# Removes the links, routes, namespaces and rules of kube-proxy, of CNI plugins and of pod networks, and no others.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
source ./common.sh

for link in $(ip -o link show 2> /dev/null | awk -F': ' '{ sub(/@.*/, "", $2); print $2 }'); do
  case $link in
    cni0 | kube-ipvs0 | nodelocaldns | flannel.* | flannel-v6.* | cali* | vxlan.calico | wireguard.cali | cilium_*) ip link delete "$link" 2> /dev/null || true ;;
  esac
done
# Routes of hostgw carry its own protocol number.
for family in -4 -6; do ip "$family" route flush proto 88 2> /dev/null || true; done
for namespace in /run/netns/cni-*; do
  [[ -e $namespace ]] || continue
  umount -l "$namespace" 2> /dev/null || true
  rm -f "$namespace"
done
rm -rf /run/flannel /run/calico

# All that belongs to a chain of theirs, and every rule elsewhere that jumps into one: the rest of each table goes back as it was.
theirs='KUBE-|CNI-|HOSTGW|cali-|FLANNEL-|CILIUM_'
for family in iptables ip6tables; do
  command -v "$family-save" > /dev/null || continue
  for flavour in "$family" "$family-legacy" "$family-nft"; do
    command -v "$flavour-save" > /dev/null || continue
    rules=$("$flavour-save" 2> /dev/null) || continue
    grep -Eq "^(:|-A )($theirs)|-j ($theirs)" <<< "$rules" || continue
    grep -Ev "^:($theirs)|^-A ($theirs)|-[jg] ($theirs)" <<< "$rules" | "$flavour-restore" || warn "rules of $flavour stay"
  done
done
if command -v nft > /dev/null; then
  for table in 'ip kube-proxy' 'ip6 kube-proxy'; do
    # shellcheck disable=SC2086 # family and name are two words
    nft delete table $table 2> /dev/null || true
  done
fi
if command -v ipset > /dev/null; then
  for set in $(ipset list -n 2> /dev/null | grep -E '^(KUBE-|cali)' || true); do ipset destroy "$set" 2> /dev/null || true; done
fi
