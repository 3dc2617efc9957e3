#!/usr/bin/env bash
# Builds the Kubernetes cluster image with sealos itself.
# Usage: build.sh [--source auto|debian|upstream] [--version V] [--registry HOST:PORT] [-t NAME]
# --source    where its parts come from (auto: upstream where it can be reached, else Debian)
# --version   of Kubernetes (upstream: v1.24.0 or newer; debian: v1.20)
# --registry  a registry that the container images made from Debian's packages are pushed to, and then saved from; not used by upstream
# The variable SEALOS names the program, SEALOS_STORAGE its store.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
shell=$here/../shell
# shellcheck source=../shell/base.sh
source "$shell/base.sh"
# shellcheck source=../shell/image-build.sh
source "$shell/image-build.sh"
parse_options '' "$@"
chosen=auto wanted=
set -- "${others[@]}"
while (($#)); do
  case $1 in
    --source) chosen=$2 ;;
    --version) wanted=$2 ;;
    *) fail "there is no option $1" 2 ;;
  esac
  shift 2
done
if [[ $chosen == auto ]]; then chosen=$("$here/sources/choose.sh"); fi
arch=$(machine_arch)
work_directory
context=$work/context
mkdir "$context"
case $chosen in
  debian)
    need_registry
    "$here/sources/debian.sh" "$context" "${wanted:-v1.20.2}"
    ;;
  upstream) "$here/sources/upstream.sh" "${wanted:-v1.33.4}" "$arch" "$context" ;;
  *) fail "--source is auto, debian or upstream, not '$chosen'" 2 ;;
esac
# What the source wrote: five assignments, quoted.
version='' skip_phases='' config_version='' fallback='' origin=''
# shellcheck disable=SC1091
source "$context/settings"
rm "$context/settings"
log "$origin"

list=$context/images/shim/DefaultImageList
if [[ -d $context/components ]]; then
  mv "$context/components" "$work/components"
  while read -r image; do
    component=${image##*/}
    component=${component%%:*}
    build_container "$image" "$here/components/$component/Kubefile" "$work/components/$component"
  done < "$list"
  mapfile -t hosts < <(sed 's,/.*,,' "$list" | sort -u)
  stand_in "${hosts[@]}"
fi

# Without the registry's host: the image is asked of the cluster's registry.
sandbox=$(sed -n 's,^[^/]*/\(.*pause:.*\)$,\1,p' "$list")
[[ -n $sandbox ]] || fail "the list of images names no pause image: $(tr '\n' ' ' < "$list")"
cp -r "$here"/{Kubefile,scripts,etc,statics} "$context/"

# The guard of the API's address, as an archive: it comes from no registry.
guard=$(SEALOS_STORAGE=$work/guard "$here/../lvscare/build.sh")
SEALOS_STORAGE=$work/guard "$sealos" save -o "$context/lvscare.tar" "$guard" >&2
rm -rf "$work/guard"
mkdir -p "$context/images/skopeo"
printf 'oci-archive:lvscare.tar@%s\n' "$guard" > "$context/images/skopeo/tar.txt"
name=${name:-localhost/kubernetes:$version}
labels=(--label "version=$version" --label "image=$guard" --label "sealos.io.lvscare.backends=ipvs nftables" --label "org.opencontainers.image.description=$origin")
if [[ -n $skip_phases ]]; then labels+=(--label "sealos.io.kubeadm.skip-phases=$skip_phases"); fi
"$sealos" build -t "$name" "${labels[@]}" --env "sandboxImage=$sandbox" --env "containerdConfigVersion=$config_version" \
  --env "registryFallback=$fallback" --platform "linux/$arch" "$context"
log "built $name"
