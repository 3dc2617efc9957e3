#!/bin/bash
# What a cluster changes on a host outside of files of its own: settings of the network, tables of rules, places that containers make.
# `record` writes down what there was, once and before anything is changed; `restore` brings it back. host-before.sh record|restore
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
source ./common.sh
record=$state/before

# Only the network's: limits that were raised (fs, vm) hurt nobody until the host starts again. Forwarding comes first, for the kernel sets
# others anew when it changes.
settings() {
  echo net.ipv4.ip_forward
  sed -n 's/^\(net\.[^= ]*\) *=.*/\1/p' ../etc/sysctl.d/sealos-k8s.conf
  # kube-proxy's own.
  printf '%s\n' net.ipv4.conf.all.{route_localnet,arp_ignore,arp_announce} net.netfilter.nf_conntrack_{max,tcp_timeout_established,tcp_timeout_close_wait}
}

tables() { nft list tables 2> /dev/null | sed -n 's/^table //p' || true; }

case ${1:-} in
  record)
    [[ ! -e $record ]] || exit 0
    mkdir -p "$state"
    {
      while read -r key; do
        file=/proc/sys/${key//.//}
        [[ ! -r $file ]] || printf 'setting %s %s\n' "$key" "$(tr '\t' ' ' < "$file")"
      done < <(settings | awk '!seen[$0]++')
      tables | sed 's/^/table /'
      for place in /run/netns /run/xtables.lock /lib/modules; do [[ -e $place ]] || echo "absent $place"; done
    } > "$record.new"
    mv -f "$record.new" "$record"
    ;;
  restore)
    [[ -e $record ]] || exit 0
    # iptables over nftables leaves its tables with nothing in them.
    while read -r family table; do
      [[ $table =~ ^(filter|nat|mangle|raw|security)$ ]] || continue
      ! grep -qxF "table $family $table" "$record" || continue
      content=$(nft list table "$family" "$table" 2> /dev/null | grep -Ev '^table |^[[:space:]]*(chain [A-Z]+ \{|type [a-z]+ hook .* policy accept;|\}|)$' || true)
      [[ -n $content ]] || nft delete table "$family" "$table" || warn "the table $family $table stays"
    done < <(tables)
    while read -r kind name value; do
      case $kind in
        setting)
          file=/proc/sys/${name//.//}
          [[ ! -e $file || $(tr '\t' ' ' < "$file") == "$value" ]] || { printf '%s\n' "$value" > "$file"; } 2> /dev/null || warn "$name stays as it is"
          ;;
        absent) if [[ -d $name ]]; then rmdir "$name" 2> /dev/null || true; else rm -f "$name"; fi ;;
      esac
    done < "$record"
    ;;
  *) die 'host-before.sh record|restore' ;;
esac
