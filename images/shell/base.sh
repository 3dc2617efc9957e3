# shellcheck shell=bash
# What the build scripts of the images share: messages, the cache, locks, and the directory they build in.

log() { printf '%s\n' "$*" >&2; }

# fail MESSAGE [EXIT]: one clear line; exit status 2 means bad input, nothing changed.
fail() { printf '%s: %s\n' "${0##*/}" "$1" >&2; exit "${2:-1}"; }

cache_root() { printf '%s\n' "${XDG_CACHE_HOME:-$HOME/.cache}/sealos"; }

# The machine's architecture as Debian, Go and OCI all call it.
machine_arch() {
  case $(uname -m) in
    x86_64) echo amd64 ;;
    aarch64 | arm64) echo arm64 ;;
    *) fail "this machine is a $(uname -m): Kubernetes images are made for amd64 and arm64" 2 ;;
  esac
}

# with_lock FILE COMMAND...: one process at a time. The kernel drops the lock with its last holder, so a killed run leaves none behind.
with_lock() {
  local file=$1 fd
  shift
  mkdir -p "${file%/*}"
  exec {fd}> "$file"
  if ! flock --nonblock "$fd"; then
    log "waiting for another run that holds ${file##*/}"
    flock "$fd"
  fi
  "$@"
  exec {fd}>&-
}

# work_directory: makes a temporary directory, named by $work, that goes when the script ends however it ends.
work_directory() {
  work=$(mktemp -d "${TMPDIR:-/tmp}/sealos-image-XXXXXX")
  trap 'rm -rf "$work"' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
}
