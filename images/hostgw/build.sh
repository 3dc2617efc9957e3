#!/usr/bin/env bash
# Builds the cluster image hostgw, a pod network for hosts on one segment, with sealos itself.
# Usage: build.sh --registry HOST:PORT [-t NAME]
# The container image made here is pushed to that registry and saved from it. SEALOS names the program, SEALOS_STORAGE its store.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
shell=$here/../shell
# shellcheck source=../shell/base.sh
source "$shell/base.sh"
# shellcheck source=../shell/debian-packages.sh
source "$shell/debian-packages.sh"
# shellcheck source=../shell/root-files.sh
source "$shell/root-files.sh"
# shellcheck source=../shell/image-build.sh
source "$shell/image-build.sh"
parse_options localhost/hostgw:1.0 "$@"
((${#others[@]} == 0)) || fail "there is no option ${others[0]}" 2
need_registry
work_directory

root=$work/root
add_network_tools "$root"
mkdir -p "$root/usr/local/bin"
build_go_program "$here/daemon" "$root/usr/local/bin/hostgw"
build_container sealos.local/hostgw:1.0 "$here/Kubefile.daemon" "$root"

mkdir "$work/context"
cp -r "$here"/{Kubefile,manifests} "$work/context/"
stand_in sealos.local
"$sealos" build -t "$name" --platform "linux/$(machine_arch)" "$work/context"
log "built $name"
