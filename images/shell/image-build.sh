# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034 # work is set by work_directory; name, registry and others are read by the scripts that call
# Building images with sealos itself: the options that every build.sh takes, and a registry that stands in for the real ones.

sealos=${SEALOS:-sealos}

# parse_options NAME ARGUMENT...: sets name, registry, and in `others` what is left (--KEY VALUE pairs of the caller's).
parse_options() {
  name=$1 registry='' others=()
  shift
  while (($#)); do
    [[ $1 == -* ]] || fail "'$1' is not an option" 2
    (($# >= 2)) || fail "$1 needs a value" 2
    case $1 in
      -t | --tag) name=$2 ;;
      --registry) registry=$2 ;;
      *) others+=("$1" "$2") ;;
    esac
    shift 2
  done
  command -v "$sealos" > /dev/null || fail "the program $sealos is not there: put it on PATH, or name it in the variable SEALOS" 2
}

need_registry() {
  [[ $registry =~ ^[^/[:space:]]+$ ]] || fail "--registry HOST:PORT is needed: a registry that the container images made here are pushed to" 2
}

# stand_in HOST...: images of these registries come from --registry, under the same paths. What is in one of them still asks its own.
stand_in() {
  local host
  for host in "$@"; do
    printf '[[registry]]\nprefix = "%s"\nlocation = "%s"\n[[registry.mirror]]\nlocation = "%s"\ninsecure = true\n' "$host" "$host" "$registry"
  done > "$work/registries.conf"
  export CONTAINERS_REGISTRIES_CONF=$work/registries.conf
}

# build_container NAME KUBEFILE CONTEXT: builds a container image in a store of its own and pushes it to --registry under NAME's path.
build_container() {
  log "building $1"
  SEALOS_STORAGE=$work/storage "$sealos" build -t "$1" -f "$2" "$3" >&2
  SEALOS_STORAGE=$work/storage "$sealos" push --tls-verify=false "$1" "$registry/${1#*/}" >&2
}
