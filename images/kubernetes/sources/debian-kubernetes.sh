#!/usr/bin/env bash
# Builds Kubernetes 1.20.2 from Debian's source package with Debian's Go, and prints two directories: that of its programs (bin/), and that of a
# small crictl, which Debian has not. Usage: debian-kubernetes.sh [VERSION]
# VERSION is what the programs say they are (default v1.20.2). Another v1.20 version is the same source linked under that name, for
# trying an upgrade; the file `origin` beside the programs says so. About 6 minutes on two cores; afterwards it is in the cache.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
shell=$here/../../shell
# shellcheck source=../../shell/base.sh
source "$shell/base.sh"
# shellcheck source=../../shell/debian-packages.sh
source "$shell/debian-packages.sh"

version=${1:-v1.20.2}
[[ $version =~ ^v1\.20\.[0-9]+$ ]] || fail "Debian's source is Kubernetes 1.20: '$version' cannot be made from it" 2
arch=$(machine_arch)
kubernetes_cache=$(cache_root)/kubernetes
result=$kubernetes_cache/debian-$version-$arch
crictl_source=$here/../crictl
# Named after its source: a changed one is built anew.
crictl=$kubernetes_cache/crictl-$(cat "$crictl_source"/*.go | sha256sum | cut -c -12)-$arch
source_tree=$kubernetes_cache/debian-source
programs=(kubeadm kubelet kubectl kube-apiserver kube-controller-manager kube-scheduler kube-proxy)
temporary=

# Debian's package, its patches applied.
fetch_source() {
  [[ ! -d $source_tree ]] || return 0
  local apt=$debian_cache/apt options files
  ensure_programs dpkg-dev=dpkg-source patch=patch xz-utils=xz
  debian_unpack golang-github-modern-go-reflect2-dev
  with_lock "$debian_cache/lists.lock" debian_lists "$apt"
  mapfile -t options < <(private_apt_options "$apt")
  log "downloading Debian's source of Kubernetes"
  (cd "$temporary" && apt-get "${options[@]}" source --download-only kubernetes) > "$temporary/log" 2>&1 ||
    fail "the source package kubernetes could not be downloaded: $(tail -n 3 "$temporary/log" | tr '\n' ' ')"
  files=("$temporary"/kubernetes_*.dsc)
  dpkg-source --no-check -x "${files[0]}" "$temporary/source" > "$temporary/log" 2>&1 ||
    fail "the source package could not be unpacked: $(tail -n 3 "$temporary/log" | tr '\n' ' ')"
  # The vendored reflect2 panics in programs built with Go 1.18 or newer; Debian's own package of it does not.
  rm -rf "$temporary/source/vendor/github.com/modern-go/reflect2"
  cp -r "$debian_cache/root/golang-github-modern-go-reflect2-dev/usr/share/gocode/src/github.com/modern-go/reflect2" \
    "$temporary/source/vendor/github.com/modern-go/"
  # GOPATH mode: the source has no module file that fits its vendor directory.
  mkdir -p "$temporary/source/.go/src/k8s.io"
  ln -s ../../.. "$temporary/source/.go/src/k8s.io/kubernetes"
  dpkg-parsechangelog -l "$temporary/source/debian/changelog" -S Version > "$temporary/source/.debian-version"
  mv -T "$temporary/source" "$source_tree"
}

# Both import paths, with and without vendor, name the same variables in GOPATH mode.
link_flags() {
  local package prefix flags='-s -w'
  for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
    for prefix in '' k8s.io/kubernetes/vendor/; do
      flags+=" -X ${prefix}${package}.gitVersion=$version -X ${prefix}${package}.gitMajor=1 -X ${prefix}${package}.gitMinor=20"
      flags+=" -X ${prefix}${package}.gitTreeState=clean"
    done
  done
  printf '%s\n' "$flags"
}

build() {
  [[ ! -d $result || ! -d $crictl ]] || return 0
  # Under the lock, what lies about is of a run that was killed.
  rm -rf "$kubernetes_cache"/.new-*
  temporary=$(mktemp -d "$kubernetes_cache/.new-XXXXXX")
  trap 'rm -rf "$temporary"' EXIT
  trap 'exit 130' INT TERM HUP
  fetch_source
  debian_go
  export GOPATH=$source_tree/.go
  [[ -d $result ]] || build_kubernetes
  [[ -d $crictl ]] || build_crictl
}

build_kubernetes() {
  local flags program
  ensure_programs make=make gcc=gcc rsync=rsync jq=jq
  cd "$source_tree/.go/src/k8s.io/kubernetes"
  log 'generating the API description (20 s)'
  make -s gen_openapi > "$temporary/log" 2>&1 || fail "make gen_openapi failed: $(tail -n 5 "$temporary/log" | tr '\n' ' ')"
  flags=$(link_flags)
  mkdir -p "$temporary/result/bin"
  for program in "${programs[@]}"; do
    log "building $program $version"
    nice -n 5 go build -ldflags "$flags" -o "$temporary/result/bin/$program" "./cmd/$program"
  done
  gcc -Os -static -DVERSION=3.2 -o "$temporary/result/bin/pause" build/pause/linux/pause.c
  strip "$temporary/result/bin/pause"
  local named="v1.20.2"
  [[ $version == v1.20.2 ]] || named="v1.20.2 under the name $version"
  printf 'Kubernetes %s, built from Debian source package kubernetes %s with %s\n' \
    "$named" "$(cat "$source_tree/.debian-version")" "$(go env GOVERSION)" > "$temporary/result/origin"
  mv -T "$temporary/result" "$result"
}

build_crictl() {
  log 'building crictl'
  # Inside the tree, where Go finds the vendored CRI client.
  local package=$source_tree/.go/src/k8s.io/kubernetes/cmd/sealos-crictl
  mkdir -p "$package" "$temporary/crictl"
  cp "$crictl_source"/*.go "$package/"
  cd "$package"
  go build -ldflags '-s -w' -o "$temporary/crictl/crictl" .
  mv -T "$temporary/crictl" "$crictl"
}

mkdir -p "$kubernetes_cache"
with_lock "$kubernetes_cache/build.lock" build
printf '%s\n' "$result" "$crictl"
