#!/bin/bash
# Says everything that speaks against this host, changes nothing. check.sh REGISTRY_DATA
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
source ./common.sh
registry_data=${1:-}

problems=()
problem() { problems+=("$1"); }

[[ $(id -u) == 0 ]] || problem 'the scripts of this image need root'
[[ -d /run/systemd/system ]] || problem 'systemd does not run here'

for program in awk install ip iptables mount nsenter sysctl systemctl; do
  command -v "$program" > /dev/null || problem "$program is not installed here"
done

# A runtime that is not this image's would fight with it for /run/containerd and the pods.
if [[ -e $units/docker.service || -e /lib/systemd/system/docker.service ]]; then problem 'docker is installed here: remove it first'; fi
if command -v crio > /dev/null; then problem 'cri-o is installed here: remove it first'; fi
if command -v containerd > /dev/null && ! grep -qs 'installed by sealos' "$units/containerd.service"; then
  problem 'containerd is installed here: remove it first, the image brings its own'
fi

# The ports of the control plane and the nodes; nothing of this cluster listens on them before kubeadm.
while read -r hexadecimal; do
  port=$((16#$hexadecimal))
  case $port in
    2379 | 2380 | 10248 | 10249 | 1025[0-9]) problem "port $port is in use" ;;
  esac
done < <(awk '$4 == "0A" { sub(/.*:/, "", $2); print $2 }' /proc/net/tcp /proc/net/tcp6 2> /dev/null | sort -u)

if [[ -n $registry_data && -f $registry_data ]]; then problem "$registry_data is a file: the registry keeps its data there"; fi

# Programs made for a newer C library than this host's do not start.
for program in ../cri/containerd ../cri/runc ../bin/kubelet; do
  if ! output=$("$program" --version 2>&1) && [[ $output == *GLIBC_* || $output == *'Exec format'* ]]; then
    problem "${program##*/} does not run here: ${output##*: }"
  fi
done

((${#problems[@]} == 0)) || {
  for text in "${problems[@]}"; do printf 'error: %s\n' "$text" >&2; done
  exit 1
}
info 'the host is fit for this image'
