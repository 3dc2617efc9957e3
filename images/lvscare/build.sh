#!/usr/bin/env bash
# Builds the container image of the guard of the API's address (packages/lvscare) with sealos itself, and prints its name.
# Usage: build.sh [-t NAME]        SEALOS names the program, SEALOS_STORAGE its store.
# By default the name holds a hash of all that is in the image: nodes keep images that they have under a name.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../.." && pwd)
shell=$here/../shell
# shellcheck source=../shell/base.sh
source "$shell/base.sh"
# shellcheck source=../shell/debian-packages.sh
source "$shell/debian-packages.sh"
# shellcheck source=../shell/root-files.sh
source "$shell/root-files.sh"
# shellcheck source=../shell/image-build.sh
source "$shell/image-build.sh"
parse_options '' "$@"
((${#others[@]} == 0)) || fail "there is no option ${others[0]}" 2
work_directory

ensure_programs binutils=readelf
library_packages+=(libnftables1 libjansson4 libgmp10 libedit2 libbsd0 libmd0 libtinfo6 libpopt0 libnl-3-200 libnl-genl-3-200 libatomic1 libstdc++6 libgcc-s1)
debian_unpack "${library_packages[@]}" busybox-static coreutils nftables ipvsadm

# What changes with Debian and Node, and what changes with the guard: a node is sent each only when it is new.
base=$work/base guard=$work/guard
mkdir -p "$base"/{run,tmp,usr/bin} "$guard/usr/bin"
add_program "$base" busybox-static bin/busybox
for applet in sh cat ip ls modprobe; do ln -s busybox "$base/bin/$applet"; done
add_program "$base" coreutils bin/dd
add_program "$base" coreutils bin/sync
add_program "$base" nftables usr/sbin/nft
add_program "$base" ipvsadm sbin/ipvsadm
node=$("$top/scripts/node" -p process.execPath)
# Without its names of functions it is a third smaller.
strip -o "$base/usr/bin/node" "$node"
add_libraries "$base" "$base/usr/bin/node"
# The C library opens these by name, for names such as lvscare.node.ip.
for library in libnss_files.so.2 libnss_dns.so.2; do
  install -D -m 0755 "$(find_library "$library")" "$base/lib/$triplet/$library"
done

"$top/node_modules/.bin/tsc" --project "$here/tsconfig.json" --outDir "$guard/usr/lib/lvscare" >&2
install -m 0755 "$here/lvscare" "$guard/usr/bin/lvscare"

cp "$here/Kubefile" "$work/"
if [[ -z $name ]]; then
  hash=$(cd "$work" && find base guard Kubefile \( -type f -o -type l \) -printf '%m %l ' -exec sha256sum {} \; | LC_ALL=C sort -k 3 | sha256sum)
  name=sealos.hub:5000/sealos/lvscare:${hash:0:12}
fi
log "building $name"
"$sealos" build -t "$name" --platform "linux/$(machine_arch)" "$work" >&2
printf '%s\n' "$name"
