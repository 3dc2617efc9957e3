#!/usr/bin/env bash
# Gathers Kubernetes from Debian alone: programs built from its source package, the rest from its packages, none of them installed.
# Usage: debian.sh WORKDIR [VERSION]          VERSION: v1.20.2, or another v1.20 as a relink of the same source
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
shell=$here/../../shell
# shellcheck source=../../shell/base.sh
source "$shell/base.sh"
# shellcheck source=../../shell/debian-packages.sh
source "$shell/debian-packages.sh"
# shellcheck source=../../shell/root-files.sh
source "$shell/root-files.sh"
# shellcheck source=result.sh
source "$here/result.sh"
[[ $# -ge 1 ]] || fail 'usage: debian.sh WORKDIR [VERSION]' 2
into=$1 version=${2:-v1.20.2}

built=$("$here/debian-kubernetes.sh" "$version")
{ read -r kubernetes && read -r crictl; } <<< "$built"
new_result "$into"
ensure_programs binutils=readelf
debian_unpack containerd runc docker-registry containernetworking-plugins conntrack etcd-server etcd-client "${library_packages[@]}"
root=$debian_cache/root

for program in kubeadm kubelet kubectl; do take "$kubernetes/bin/$program" "$into/bin/$program"; done
take "$crictl/crictl" "$into/bin/crictl"
take "$root/conntrack/usr/sbin/conntrack" "$into/bin/conntrack"
for program in containerd containerd-shim-runc-v2 ctr; do take "$root/containerd/usr/bin/$program" "$into/cri/$program"; done
take "$root/runc/usr/sbin/runc" "$into/cri/runc"
take "$root/docker-registry/usr/bin/docker-registry" "$into/cri/registry"
for plugin in "$root"/containernetworking-plugins/usr/lib/cni/*; do take "$plugin" "$into/cni/${plugin##*/}"; done
for library in libseccomp.so.2 libnetfilter_conntrack.so.3 libnfnetlink.so.0 libmnl.so.0; do
  cp -L "$(find_library "$library")" "$into/cri/lib/$library"
done

# Debian has no coredns: kubeadm is told to do without, also when it pulls the images before it starts.
mkdir -p "$into/etc"
cat > "$into/etc/kubeadm.yml" << 'YAML'
apiVersion: kubeadm.k8s.io/v1beta2
kind: InitConfiguration
nodeRegistration:
  ignorePreflightErrors: [SystemVerification, ImagePull]
YAML
"$into/bin/kubeadm" config images list --kubernetes-version "$version" 2> /dev/null | grep -v coredns > "$into/images/shim/DefaultImageList"

components=$into/components
for component in kube-apiserver kube-controller-manager kube-scheduler kube-proxy; do
  mkdir -p "$components/$component/usr/local/bin"
  take "$kubernetes/bin/$component" "$components/$component/usr/local/bin/$component"
done
add_network_tools "$components/kube-proxy"
mkdir -p "$components/pause"
take "$kubernetes/bin/pause" "$components/pause/pause"
add_program "$components/etcd" etcd-server usr/bin/etcd usr/local/bin/etcd
add_program "$components/etcd" etcd-client usr/bin/etcdctl usr/local/bin/etcdctl

write_settings "$into" "$version" addon/coredns 2 false "$(cat "$kubernetes/origin"); containerd $(cat "$root/containerd/.version"), etcd $(cat "$root/etcd-server/.version") of Debian"
