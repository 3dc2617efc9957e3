#!/usr/bin/env bash
# Gathers a Kubernetes release from its makers: every download is checked against the checksum published beside it.
# Usage: upstream.sh VERSION ARCH WORKDIR      VERSION: v1.24.0 or newer; ARCH: amd64 or arm64
# CONTAINERD_VERSION, RUNC_VERSION, CNI_VERSION, CRICTL_VERSION and REGISTRY_VERSION choose other releases than the usual ones.
# KUBERNETES_URL and GITHUB_URL name mirrors of dl.k8s.io and github.com.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=../../shell/base.sh
source "$here/../../shell/base.sh"
# shellcheck source=result.sh
source "$here/result.sh"
[[ $# -eq 3 ]] || fail 'usage: upstream.sh VERSION ARCH WORKDIR' 2
version=$1 arch=$2 into=$3
[[ $version =~ ^v1\.([0-9]+)\.[0-9]+(-[a-z]+\.[0-9]+)?$ ]] || fail "'$version' is not a version of Kubernetes: write v1.MINOR.PATCH" 2
minor=${BASH_REMATCH[1]}
((minor >= 24)) || fail "Kubernetes $version is too old for containerd without dockershim: v1.24.0 is the oldest" 2
[[ $arch == amd64 || $arch == arm64 ]] || fail "'$arch' is not an architecture of these images: amd64 or arm64" 2

kubernetes_url=${KUBERNETES_URL:-https://dl.k8s.io} github_url=${GITHUB_URL:-https://github.com}
# containerd 2 is what recent kubelets are tested with; the older ones with 1.7.
if ((minor >= 31)); then containerd=2.1.3; else containerd=1.7.27; fi
containerd=${CONTAINERD_VERSION:-$containerd} runc=${RUNC_VERSION:-1.3.0} cni=${CNI_VERSION:-1.7.1} crictl=${CRICTL_VERSION:-1.$minor.0}
registry=${REGISTRY_VERSION:-2.8.3}
cache=$(cache_root)/kubernetes/downloads
mkdir -p "$cache"
work_directory

get() { curl --fail --silent --show-error --location --retry 3 --connect-timeout 10 --output "$2" "$1" || fail "$1 cannot be downloaded"; }

# download URL CHECKSUM_URL: prints the path of the verified file. The checksum file is one sum, or lines of sum and name.
download() {
  local url=$1 name=${1##*/} sum file
  get "$2" "$work/sum"
  sum=$(awk -v name="$name" 'NF == 1 && length($1) == 64 { alone = $1 } NF == 2 { sub(/^[*.\/]*/, "", $2); if ($2 == name) found = $1 }
    END { print found ? found : alone }' "$work/sum")
  [[ $sum =~ ^[0-9a-f]{64}$ ]] || fail "$2 has no SHA-256 of $name"
  file=$cache/$sum-$name
  if [[ ! -f $file ]]; then
    log "downloading $url"
    get "$url" "$work/$name"
    printf '%s  %s\n' "$sum" "$work/$name" | sha256sum --check --status || fail "$url is not what its checksum $sum says: it was damaged or replaced"
    mv "$work/$name" "$file.$$"
    mv "$file.$$" "$file"
  fi
  printf '%s\n' "$file"
}

kubernetes() { download "$kubernetes_url/release/$version/bin/linux/$1/$2" "$kubernetes_url/release/$version/bin/linux/$1/$2.sha256"; }

new_result "$into"
for program in kubeadm kubelet kubectl; do
  file=$(kubernetes "$arch" "$program")
  install -m 0755 "$file" "$into/bin/$program"
done
base=$github_url/containerd/containerd/releases/download/v$containerd/containerd-$containerd-linux-$arch.tar.gz
file=$(download "$base" "$base.sha256sum")
tar -xzf "$file" -C "$into/cri" --strip-components=1 bin/containerd bin/containerd-shim-runc-v2 bin/ctr
base=$github_url/opencontainers/runc/releases/download/v$runc
file=$(download "$base/runc.$arch" "$base/runc.sha256sum")
install -m 0755 "$file" "$into/cri/runc"
base=$github_url/containernetworking/plugins/releases/download/v$cni/cni-plugins-linux-$arch-v$cni.tgz
file=$(download "$base" "$base.sha256")
tar -xzf "$file" -C "$into/cni"
rm -f "$into"/cni/{LICENSE,README.md}
base=$github_url/kubernetes-sigs/cri-tools/releases/download/v$crictl/crictl-v$crictl-linux-$arch.tar.gz
file=$(download "$base" "$base.sha256")
tar -xzf "$file" -C "$into/bin" crictl
base=$github_url/distribution/distribution/releases/download/v$registry/registry_${registry}_linux_$arch.tar.gz
file=$(download "$base" "$base.sha256")
tar -xzf "$file" -C "$into/cri" registry
chmod 0755 "$into"/bin/* "$into"/cri/[a-z]*[a-z2] "$into"/cni/*

# kubeadm itself knows its images; the one asked must run on this machine.
if [[ $arch == "$(machine_arch)" ]]; then kubeadm=$into/bin/kubeadm; else
  file=$(kubernetes "$(machine_arch)" kubeadm)
  install -m 0755 "$file" "$work/kubeadm"
  kubeadm=$work/kubeadm
fi
"$kubeadm" config images list --kubernetes-version "$version" > "$into/images/shim/DefaultImageList" || fail 'kubeadm does not say which images it needs'

case $containerd in 1.*) config_version=2 ;; *) config_version=3 ;; esac
write_settings "$into" "$version" '' "$config_version" true "Kubernetes $version, containerd $containerd, runc $runc, CNI plugins $cni, registry $registry, as released"
