# shellcheck shell=bash
# shellcheck disable=SC2154 # debian_cache and shell are set by those that read this file
# Puts programs of Debian packages and the libraries they need into the root directory of a container image. Needs debian-packages.sh.

case $(machine_arch) in
  amd64) triplet=x86_64-linux-gnu loader=/lib64/ld-linux-x86-64.so.2 ;;
  arm64) triplet=aarch64-linux-gnu loader=/lib/ld-linux-aarch64.so.1 ;;
esac
# What any program below may need; downloaded once.
library_packages=(libc6 libip4tc2 libip6tc2 libxtables12 libnetfilter-conntrack3 libnfnetlink0 libnftnl11 libmnl0 libseccomp2 libipset13)

# package_file PACKAGE PATH: the path of a file of an unpacked package.
package_file() {
  local file=$debian_cache/root/$1/$2
  [[ -e $file ]] || fail "the Debian package $1 has no $2"
  printf '%s\n' "$file"
}

# libraries_of FILE: names of the shared libraries that a program or library asks for.
libraries_of() { readelf --dynamic "$1" 2> /dev/null | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'; }

# find_library NAME: its file in one of the library packages.
find_library() {
  local package candidate
  for package in "${library_packages[@]}"; do
    for candidate in "$debian_cache/root/$package"/{usr/,}lib/"$triplet/$1"; do
      if [[ -e $candidate ]]; then
        printf '%s\n' "$candidate"
        return
      fi
    done
  done
  fail "no Debian package of this image has the library $1"
}

# add_libraries ROOT FILE: the libraries that a program needs, theirs too, and the loader.
add_libraries() {
  local root=$1 library source
  for library in $(libraries_of "$2"); do
    [[ $library != ld-linux* ]] || continue
    [[ ! -e $root/lib/$triplet/$library ]] || continue
    source=$(find_library "$library")
    install -D -m 0755 "$(readlink -f "$source")" "$root/lib/$triplet/$library"
    add_libraries "$root" "$source"
  done
  [[ -e $root$loader ]] || install -D -m 0755 "$(readlink -f "$debian_cache/root/libc6/lib/$triplet/${loader##*/}")" "$root$loader"
}

# add_program ROOT PACKAGE PATH [DESTINATION]: a program and its libraries.
add_program() {
  local file
  file=$(package_file "$2" "$3")
  install -D -m 0755 "$file" "$1/${4:-$3}"
  if [[ -n $(libraries_of "$file") ]]; then add_libraries "$1" "$file"; fi
}

# add_network_tools ROOT: a shell, ip, conntrack, and iptables in both flavours with the wrapper that chooses the host's.
add_network_tools() {
  local root=$1 name action
  ensure_programs binutils=readelf
  debian_unpack "${library_packages[@]}" busybox-static iptables conntrack ipset
  add_program "$root" busybox-static bin/busybox
  for name in sh cat grep ip ln ls modprobe mv; do ln -sf busybox "$root/bin/$name"; done
  add_program "$root" iptables usr/sbin/xtables-nft-multi
  add_program "$root" iptables usr/sbin/xtables-legacy-multi
  mkdir -p "$root/usr/lib/$triplet" "$root/run"
  cp -r "$debian_cache/root/iptables/usr/lib/$triplet/xtables" "$root/usr/lib/$triplet/"
  # Matches and targets are libraries with needs of their own: without libm, `-m statistic` fails, and with it every service of two pods.
  for name in "$root/usr/lib/$triplet/xtables"/*.so; do add_libraries "$root" "$name"; done
  for name in iptables ip6tables; do
    install -m 0755 "$shell/iptables-wrapper" "$root/usr/sbin/$name"
    for action in save restore; do install -m 0755 "$shell/iptables-wrapper" "$root/usr/sbin/$name-$action"; done
  done
  add_program "$root" conntrack usr/sbin/conntrack
  add_program "$root" ipset usr/sbin/ipset
  install -D -m 0644 /dev/stdin "$root/etc/protocols" <<< $'ip 0 IP\nicmp 1 ICMP\ntcp 6 TCP\nudp 17 UDP\nipv6-icmp 58 IPv6-ICMP\nsctp 132 SCTP'
}

# build_go_program SOURCE PROGRAM: a static program of Go's standard library alone.
build_go_program() (
  debian_go
  cd "$1" || exit
  go build -ldflags '-s -w' -o "$2" ./*.go || fail "${2##*/} does not compile"
)
