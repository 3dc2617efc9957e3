import type { Host, HostFacts } from './host.ts';
import { type Script, script } from './script.ts';

const TOOLS = ['tar', 'gzip', 'zstd', 'iptables', 'nft', 'ipvsadm', 'modprobe'] as const;
const RUNTIMES = ['dockerd', 'containerd', 'crio', 'cri-dockerd', 'podman'] as const;

/** A kernel feature is there when it shows in /proc, is built in, or lies ready as a module. */
const FEATURES = {
  ipvs: { module: 'ip_vs', probe: '[ -e /proc/net/ip_vs ]' },
  nftables: { module: 'nf_tables', probe: 'nft list tables >/dev/null 2>&1' },
  bridgeNetfilter: { module: 'br_netfilter', probe: '[ -e /proc/sys/net/bridge/bridge-nf-call-iptables ]' },
  overlayfs: { module: 'overlay', probe: 'grep -qw overlay /proc/filesystems' },
  vxlan: { module: 'vxlan', probe: '[ -d /sys/module/vxlan ]' },
} as const;

function questions(): Script {
  const features = Object.entries(FEATURES)
    .map(([name, { module, probe }]) => `if ${probe} || has_module ${module}; then echo feature=${name}; fi`)
    .join('\n');
  return {
    kind: 'script',
    secrets: [],
    text: `has_module() {
  [ -d "/sys/module/$1" ] && return 0
  local directory
  for directory in /lib/modules/$(uname -r) /usr/lib/modules/$(uname -r); do
    grep -qsE "/$1\\.ko" "$directory/modules.builtin" "$directory/modules.dep" && return 0
  done
  return 1
}
echo "clock=$(date +%s.%N)"
echo "hostname=$(hostname 2>/dev/null || cat /proc/sys/kernel/hostname)"
echo "machine=$(uname -m)"
echo "kernel=$(uname -r)"
( . /etc/os-release 2>/dev/null; echo "os_id=$ID"; echo "os_version=$VERSION_ID"; echo "os_name=$PRETTY_NAME" )
echo "init=$(cat /proc/1/comm)"
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then echo cgroup=v2; else echo cgroup=v1; fi
echo "cpus=$(nproc)"
echo "memory_kb=$(awk '/^MemTotal:/ { print $2 }' /proc/meminfo)"
directory=/var/lib/sealos; while [ ! -d "$directory" ]; do directory=$(dirname "$directory"); done
echo "disk_kb=$(df -Pk "$directory" | awk 'NR == 2 { print $4 }')"
for tool in ${TOOLS.join(' ')}; do if command -v $tool >/dev/null; then echo tool=$tool; fi; done
for runtime in ${RUNTIMES.join(' ')}; do if path=$(command -v $runtime); then echo "runtime=$path"; fi; done
${features}
echo "capabilities=$(awk '/^CapEff:/ { print $2 }' /proc/self/status)"
if [ "$(wc -l < /proc/swaps)" -gt 1 ]; then echo swap=on; fi
if [ "$(cat /sys/fs/selinux/enforce 2>/dev/null)" = 1 ]; then echo selinux=enforcing; fi
cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | awk '$4 == "0A" { split($2, a, ":"); print "port_hex=" a[length(a)] }'
ip -o addr show 2>/dev/null | awk '{ split($4, a, "/"); print "address=" a[1] }'
`,
  };
}

const ARCHITECTURES: Readonly<Record<string, string>> = { x86_64: 'amd64', aarch64: 'arm64', arm64: 'arm64' };
const CAP_SYS_RESOURCE = 24n;

/** Everything that a run wants to know of a host, in one round trip; nothing is changed. */
export async function gatherFacts(host: Host, signal: AbortSignal): Promise<HostFacts> {
  await host.run(script`true`, { title: 'greeting the host', signal });
  const before = Date.now() / 1000;
  const { stdout } = await host.run(questions(), { title: 'asking what the host is', signal, timeout: 60_000 });
  return parseFacts(stdout, before);
}

/** Reads what the questions printed. `askedAt`: the operator's clock when they were sent, in seconds. */
export function parseFacts(text: string, askedAt: number): HostFacts {
  const answers = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const at = line.indexOf('=');
    if (at <= 0) continue;
    const key = line.slice(0, at);
    answers.set(key, [...(answers.get(key) ?? []), line.slice(at + 1).trim()]);
  }
  const one = (key: string) => answers.get(key)?.[0] ?? '';
  const all = (key: string) => answers.get(key) ?? [];
  const number = (key: string) => Number(one(key)) || 0;
  const present = <K extends string>(names: readonly K[], found: readonly string[]) =>
    Object.fromEntries(names.map((name) => [name, found.includes(name)])) as Record<K, boolean>;
  return {
    hostname: one('hostname'),
    architecture: ARCHITECTURES[one('machine')] ?? one('machine'),
    os: { id: one('os_id'), version: one('os_version'), prettyName: one('os_name') },
    kernel: one('kernel'),
    systemd: one('init') === 'systemd',
    cgroup: one('cgroup') === 'v2' ? 'v2' : 'v1',
    cpus: number('cpus'),
    memoryBytes: number('memory_kb') * 1024,
    diskFreeBytes: number('disk_kb') * 1024,
    clockSkewSeconds: number('clock') - askedAt,
    tools: present(TOOLS, all('tool')),
    kernelFeatures: present(Object.keys(FEATURES) as (keyof typeof FEATURES)[], all('feature')),
    sysResource: ((BigInt(`0x${one('capabilities') || '0'}`) >> CAP_SYS_RESOURCE) & 1n) === 1n,
    swapOn: one('swap') === 'on',
    selinuxEnforcing: one('selinux') === 'enforcing',
    listeningPorts: [...new Set(all('port_hex').map((port) => Number.parseInt(port, 16)))].sort((a, b) => a - b),
    addresses: all('address'),
    containerRuntimes: all('runtime'),
  };
}
