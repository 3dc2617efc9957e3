// What a host's base system is made of. Everything here goes into the base's hash: a change makes a new base.

/** What a server needs so that containerd, kubelet and kube-proxy find what they call, and people can log in. */
export const BASE_PACKAGES: readonly string[] = [
  ...['systemd', 'systemd-sysv', 'dbus', 'openssh-server', 'sudo', 'procps', 'kmod', 'ca-certificates', 'curl', 'zstd', 'libseccomp2'],
  ...['iproute2', 'iputils-ping', 'iptables', 'nftables', 'ipset', 'ipvsadm', 'conntrack', 'socat', 'ethtool', 'ebtables'],
];

/** Users besides root: `op` may use sudo without a password, `opp` must give his. */
export const BASE_USERS: readonly string[] = ['op', 'opp'];

/** Units that manage devices, networks and consoles, which the machine does for its hosts or which they do not have. */
export const MASKED_UNITS: readonly string[] = [
  ...['systemd-networkd.service', 'systemd-networkd.socket', 'systemd-networkd-wait-online.service', 'systemd-resolved.service'],
  ...['systemd-udevd.service', 'systemd-timesyncd.service', 'systemd-logind.service', 'getty.target', 'console-getty.service'],
  ...['apt-daily.timer', 'apt-daily-upgrade.timer', 'dpkg-db-backup.timer', 'e2scrub_all.timer', 'fstrim.timer', 'motd-news.timer'],
];

export interface BaseFile {
  readonly path: string;
  readonly mode: number;
  readonly content: string;
}

/**
 * Makes a booted container usable as a Kubernetes host, before anything else starts: cgroup hierarchies may come read-only from
 * systemd-nspawn, and mounts private (kubelet and CNI need them shared). Then the address that the machine wrote for this host.
 */
const PREPARE = `#!/bin/sh
set -eu
for hierarchy in cpu cpuset cpu,cpuacct cpuacct blkio memory devices freezer net_cls net_prio net_cls,net_prio perf_event hugetlb pids rdma misc; do
  if mountpoint -q "/sys/fs/cgroup/$hierarchy"; then mount -o remount,bind,rw "/sys/fs/cgroup/$hierarchy"; fi
done
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then mount -o remount,bind,rw /sys/fs/cgroup; fi
mount --make-rshared /
sysctl -qw net.ipv4.ip_forward=1
. /etc/lab-address
ip link set lo up
ip link set host0 up
ip address replace "$ADDRESS" dev host0
ip route replace default via "$GATEWAY"
# Where clouds tell their servers who they are. Nobody answers here; that it cannot be reached is known at once (the kubelet asks twice, seconds each).
ip route replace unreachable 169.254.169.254/32
`;

const PREPARE_UNIT = `[Unit]
Description=Make this container a host
DefaultDependencies=no
After=local-fs.target
Before=sysinit.target network-pre.target network.target network-online.target ssh.service
Wants=network-pre.target network.target network-online.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/sbin/lab-prepare

[Install]
WantedBy=sysinit.target
`;

export const BASE_FILES: readonly BaseFile[] = [
  { path: 'usr/local/sbin/lab-prepare', mode: 0o755, content: PREPARE },
  { path: 'etc/systemd/system/lab-prepare.service', mode: 0o644, content: PREPARE_UNIT },
  {
    path: 'etc/ssh/sshd_config.d/lab.conf',
    mode: 0o644,
    content: 'HostKey /etc/ssh/ssh_host_ed25519_key\nPermitRootLogin yes\nPasswordAuthentication yes\nUseDNS no\n',
  },
  { path: 'etc/sudoers.d/lab', mode: 0o440, content: 'op ALL=(ALL:ALL) NOPASSWD: ALL\nopp ALL=(ALL:ALL) ALL\n' },
  // Users can log in from the moment ssh answers: not before /run/nologin is gone.
  {
    path: 'etc/systemd/system/ssh.service.d/lab.conf',
    mode: 0o644,
    content: '[Unit]\nAfter=systemd-user-sessions.service\n',
  },
  // No name server is reachable; an empty list makes look-ups fail at once instead of timing out.
  { path: 'etc/resolv.conf', mode: 0o644, content: '# Hosts of a lab have no name server.\n' },
  { path: 'etc/fstab', mode: 0o644, content: '' },
];

/** Run inside the new base with sh -e, after its files were written. */
export const FINISH_SCRIPT = `
for user in ${BASE_USERS.join(' ')}; do useradd --create-home --shell /bin/bash "$user"; done
systemctl enable lab-prepare.service ssh.service
systemctl disable ssh.socket || true
systemctl mask ${MASKED_UNITS.join(' ')}
rm -f /etc/ssh/ssh_host_*_key /etc/ssh/ssh_host_*_key.pub /etc/machine-id /var/lib/dbus/machine-id
rm -rf /var/cache/apt/* /var/lib/apt/lists/* /usr/share/man/* /usr/share/locale/* /usr/share/info/* /usr/share/lintian
find /usr/share/doc -type f ! -name copyright -delete
`;
