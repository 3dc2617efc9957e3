#!/bin/bash
# Installs and starts containerd, with the cluster's registry as the mirror of all others. init-cri.sh REGISTRY_DOMAIN REGISTRY_PORT
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
source ./common.sh
domain=${1:?the name of the registry} port=${2:?the port of the registry}
certs=/etc/containerd/certs.d

# Only the libraries that this host has not: one that is here stays the one that is used.
missing=$(for program in ../cri/runc ../cri/containerd ../bin/conntrack; do
  [[ ! -f $program ]] || ldd "$program" 2> /dev/null | awk '/not found/ { print $1 }'
done | sort -u)
for library in $missing; do
  [[ -f ../cri/lib/$library ]] || die "a program of this image needs $library, which is neither here nor in the image"
  put 0755 "../cri/lib/$library" "/opt/containerd/lib/$library"
done
if [[ -d /opt/containerd/lib ]]; then
  echo /opt/containerd/lib > /etc/ld.so.conf.d/containerd.conf
  ldconfig
fi

for program in containerd containerd-shim-runc-v2 ctr runc; do put 0755 "../cri/$program" "$BIN_DIR/$program"; done
if [[ -f ../bin/crictl ]]; then put 0755 ../bin/crictl "$BIN_DIR/crictl"; fi

# Without its parser, AppArmor cannot be used even where the kernel has it.
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT
if command -v apparmor_parser > /dev/null; then cp ../etc/config.toml "$temporary/config.toml"; else
  sed 's/^\( *disable_apparmor = \).*/\1true/' ../etc/config.toml > "$temporary/config.toml"
fi
put 0644 "$temporary/config.toml" /etc/containerd/config.toml

# The login as a header, which containerd and ctr both send to this host alone, also for pods that have a login for the real registry.
# It goes through a pipe: it is in no list of arguments.
hosts_file() {
  cat "$1"
  if [[ -n ${registryPassword:-} ]]; then
    printf '  [host."http://%s:%s".header]\n    Authorization = "Basic %s"\n' "$domain" "$port" \
      "$(printf '%s:%s' "${registryUsername:-}" "$registryPassword" | base64 -w 0)"
  fi
}
umask 077
hosts_file ../etc/hosts.toml > "$temporary/hosts.toml"
hosts_file ../etc/hosts-default.toml > "$temporary/hosts-default.toml"
umask 022
# containerd reads these at every pull: a change needs no restart.
before=$changed
put 0600 "$temporary/hosts.toml" "$certs/$domain:$port/hosts.toml"
put 0600 "$temporary/hosts-default.toml" "$certs/_default/hosts.toml"
changed=$before

put 0644 ../etc/crictl.yaml /etc/crictl.yaml
put 0644 ../etc/containerd.service "$units/containerd.service"
start_unit containerd.service
wait_for 30 'the socket of containerd' "$BIN_DIR/ctr" version
info "containerd $("$BIN_DIR/containerd" --version | awk '{ print $3 }') runs"
