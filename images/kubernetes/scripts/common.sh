# shellcheck shell=bash
# What the scripts of this image share. Each is run by bash in this directory, as root, with the image's variables exported.
# shellcheck disable=SC2034 # used by the scripts that read this file

BIN_DIR=${BIN_DIR:-/usr/bin}
units=/etc/systemd/system
# What a script turned off on the host and clean.sh turns on again: one empty file each.
state=/var/lib/sealos/host

info() { printf '%s\n' "$*"; }
warn() { printf 'warning: %s\n' "$*" >&2; }
die() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# put MODE SOURCE DESTINATION: a file whose content or mode differs takes the place of the old one in one step; a program that runs can
# be replaced so. Sets changed=1 when it did.
changed=
put() {
  local mode=$1 from=$2 to=$3
  [[ -f $from ]] || die "the image has no file ${from#../}"
  if [[ ! -L $to && -f $to && $(stat -c %a "$to") == "${mode#0}" ]] && cmp -s "$from" "$to"; then return 0; fi
  mkdir -p "${to%/*}"
  install -m "$mode" "$from" "$to.sealos-new"
  mv -fT "$to.sealos-new" "$to"
  changed=1
}

# start_unit UNIT: enabled, and running with what was put; a unit that runs already is left alone unless something changed.
start_unit() {
  systemctl daemon-reload
  systemctl enable --quiet "$1"
  if [[ -n $changed ]]; then systemctl restart "$1"; else systemctl start "$1"; fi || {
    systemctl --no-pager --lines=0 status "$1" >&2 || true
    journalctl --no-pager --lines=15 --unit "$1" >&2 || true
    die "$1 does not start"
  }
}

# remove_unit UNIT: stopped, disabled, its files gone; fine when there is none.
remove_unit() {
  systemctl disable --now --quiet "$1" 2> /dev/null || true
  rm -rf "${units:?}/$1" "${units:?}/$1.d"
  systemctl daemon-reload 2> /dev/null || true
  systemctl reset-failed "$1" 2> /dev/null || true
}

# wait_for SECONDS WHAT COMMAND...
wait_for() {
  local deadline=$((SECONDS + $1)) what=$2
  shift 2
  until "$@" > /dev/null 2>&1; do
    ((SECONDS < deadline)) || die "$what is not there"
    sleep 0.2
  done
}

# remove_data DIRECTORY: its mounts and everything in it. Where it points comes from the user: never a directory near the root.
remove_data() {
  local directory=${1%/}
  [[ $directory == /*/* ]] || die "'$1' is not removed: it is too near to the root of the file system"
  unmount_below "$directory"
  rm -rf --one-file-system "$directory"
}

# unmount_below DIRECTORY: what is mounted in it, innermost first.
unmount_below() {
  local mount
  awk -v below="${1%/}/" 'index($5, below) == 1 { print $5 }' /proc/self/mountinfo | sort -r | while read -r mount; do
    # The kernel writes a blank as \040.
    mount=$(printf '%b' "$mount")
    umount "$mount" 2> /dev/null || umount -l "$mount" || warn "$mount stays mounted"
  done
}

# end_containers: every process of the image's own containerd. Shims outlive containerd, and containers their shims: each container's first
# process is written down, shims are known by their program.
end_containers() {
  local file process pid tries victims=()
  grep -qs 'installed by sealos' "$units/containerd.service" || [[ ! -e $units/containerd.service ]] || return 0
  for file in /run/containerd/io.containerd.runtime.v2.task/*/*/init.pid; do
    [[ ! -r $file ]] || victims+=("$(< "$file")")
  done
  for process in /proc/[0-9]*; do
    [[ $(readlink "$process/exe" 2> /dev/null) != "$BIN_DIR"/containerd-shim-runc-v2* ]] || victims+=("${process#/proc/}")
  done
  ((${#victims[@]} > 0)) || return 0
  kill -KILL "${victims[@]}" 2> /dev/null || true
  for pid in "${victims[@]}"; do
    for ((tries = 0; tries < 50; tries++)); do
      [[ -d /proc/$pid ]] || break
      sleep 0.1
    done
  done
}
