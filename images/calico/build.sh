#!/usr/bin/env bash
# Builds the cluster image calico with sealos itself; needs the internet, or mirrors of it (see sources.sh).
# Usage: build.sh [--version V] [-t NAME]        SEALOS names the program, SEALOS_STORAGE its store.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
shell=$here/../shell
# shellcheck source=../shell/base.sh
source "$shell/base.sh"
# shellcheck source=../shell/image-build.sh
source "$shell/image-build.sh"
parse_options '' "$@"
version=v3.32.3
case ${#others[@]}:${others[0]:-} in
  0:) ;;
  2:--version) version=${others[1]} ;;
  *) fail "there is no option ${others[0]}" 2 ;;
esac
work_directory
"$here/sources.sh" "$version" "$work"
cp "$here/Kubefile" "$work/"
name=${name:-localhost/calico:$version}
"$sealos" build -t "$name" --label "version=$version" --platform "linux/$(machine_arch)" "$work"
log "built $name"
