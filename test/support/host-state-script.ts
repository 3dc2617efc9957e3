// The one script that reads everything of a host; it changes nothing there.
import { quote } from '../../packages/runtime/src/host/script.ts';
import { volatilePaths } from './host-state-volatile.ts';

/** Trees that live in memory: pids, sockets and the like. Their files are compared by place, type, mode and owner, not by content. */
const inMemory = ['/run', '/tmp', '/dev/shm'];

const prune = (paths: readonly string[]) => paths.map((path) => `-path ${quote(path)} -prune -o`).join(' ');
const onDisk = `find / -xdev ${prune([...volatilePaths.tree, ...inMemory])}`;
const notCompared = volatilePaths.content.map((path) => `! -path ${quote(path)}`).join(' ');

/**
 * Bash that prints `section<TAB>line` for everything that could be left on a host. Numbers that the kernel or the clock choose (pids, link
 * indexes, counters, lifetimes) are left out, so that two readings of an untouched host are equal.
 */
export const hostStateScript = `
export LC_ALL=C
section() { awk -v section="$1" 'NF { print section "\\t" $0 }'; }
# A name with a line break in it is shown with a question mark.
as_lines() { tr '\\n\\0' '?\\n'; }

# Our own login, from below the sshd that listens down to this script's own helpers, is not part of the host.
own=$$
while parent=$(awk '/^PPid:/ { print $2 }' /proc/$own/status) && grandparent=$(awk '/^PPid:/ { print $2 }' /proc/$parent/status) &&
  [ "$grandparent" -gt 1 ]; do own=$parent; done
ps -eo pid=,ppid=,stat=,user:32=,args= | awk -v own="$own" '
  { pid = $1; parent[pid] = $2; zombie[pid] = $3 ~ /^Z/; $1 = $2 = $3 = ""; sub(/^ +/, ""); shown[pid] = $0 }
  END { for (pid in shown) { for (up = pid; up in parent && up != own; up = parent[up]); if (up != own && !zombie[pid]) print shown[pid] } }' | section process

awk '{ for (i = 7; $i != "-"; i++); print $5, $(i + 1), $(i + 2), $6 }' /proc/self/mountinfo | section mount

ip -o -d link show | sed -E 's/^[0-9]+: //; s/@[^: ]+:/:/; s/\\\\ */ /g;
  s/ (link-netnsid|link-netns|promiscuity|allmulti|minmtu|maxmtu|numtxqueues|numrxqueues|gso_max_size|gso_max_segs|tso_max_size|tso_max_segs|gro_max_size|gso_ipv4_max_size|gro_ipv4_max_size|qlen|qdisc|hello_timer|tcn_timer|topology_change_timer|gc_timer) +[^ ]+//g;
  s/  +/ /g; s/ $//' | section link
ip -o addr show | awk '{ print $2, $3, $4 }' | section address
{ ip -4 route show table all; ip -6 route show table all; ip -4 rule show; ip -6 rule show; } 2> /dev/null |
  sed -E 's/ expires [0-9]+sec//; s/ +$//' | section route

nft -s list ruleset 2> /dev/null | sed -E 's/counter packets [0-9]+ bytes [0-9]+/counter/' | awk '
  /^table / { table = $2 " " $3; inner = "" } /^\\t[a-z]+ [^ ]+ \\{/ { inner = $1 " " $2 ": " }
  { sub(/^[ \\t]+/, ""); if ($0 != "}") print table ": " inner $0 }' | section nft
for family in ip ip6; do
  for table in $(cat /proc/net/\${family}_tables_names 2> /dev/null); do
    echo "$family table $table"
    command -v \${family}tables-legacy-save > /dev/null &&
      \${family}tables-legacy-save -t "$table" 2> /dev/null | sed -E '/^#/d; s/ ?\\[[0-9]+:[0-9]+\\] ?//; s/^/'"$family $table: "'/'
  done
done | section iptables
ipset save 2> /dev/null | section ipset
awk 'NR > 3 { print $1, $2, $3 }' /proc/net/ip_vs 2> /dev/null | section ipvs

systemctl list-unit-files --no-legend --no-pager --plain 2> /dev/null | awk '{ print $1, $2 }' | section unit-file
# Units at rest are loaded or not as systemd likes.
systemctl list-units --all --no-legend --no-pager --plain 2> /dev/null | awk '$3 != "inactive" { print $1, $2, $3, $4 }' | section unit
ss -Hlntup 2> /dev/null | sed -E 's/,(pid|fd)=[0-9]+//g' | awk '{ print $1, $5, $7 }' | section port
ss -Hlx 2> /dev/null | awk '{ sub(/^@.*/, "@", $5); if ($5 != "@") print $5 }' | section socket

cat -A /etc/hosts | section hosts
# Of the kernel, only what is this host's own: its network.
for key in net.ipv4.ip_forward net.ipv4.conf.{all,default}.{rp_filter,forwarding,route_localnet,arp_ignore,arp_announce} net.ipv6.conf.{all,default}.forwarding \\
  net.bridge.bridge-nf-call-{iptables,ip6tables} net.netfilter.nf_conntrack_{max,tcp_timeout_established,tcp_timeout_close_wait} net.ipv4.vs.conntrack \\
  net.ipv4.ip_local_port_range net.ipv4.ip_local_reserved_ports net.ipv4.tcp_keepalive_{time,intvl} net.core.somaxconn; do
  file=/proc/sys/\${key//.//}
  [ ! -r $file ] || echo "$key = $(cat $file)"
done | section sysctl
find /sys/fs/cgroup -mindepth 1 -path '*/system.slice/*' -prune -o -type d -print 2> /dev/null | section cgroup

${onDisk} ! -type f -printf '%y %m %U:%G %p -> %l\\0' 2> /dev/null | as_lines | sed 's/ -> $//' | section file
${onDisk} -type f -printf 'f %m %U:%G %p\\0' 2> /dev/null | as_lines | section file
# An escaped name would begin with a backslash; -z keeps names as they are.
${onDisk} -type f ${notCompared} -print0 2> /dev/null | xargs -0 -r sha256sum -z 2> /dev/null | as_lines |
  awk '{ print substr($0, 67), substr($1, 1, 16) }' | section content
for directory in ${inMemory.join(' ')}; do
  find $directory -xdev ${prune(volatilePaths.tree)} -printf '%y %m %U:%G %p\\0' 2> /dev/null | as_lines
done | section memory-file
`;
