import type { ContainerRuntime, Host, HostFacts } from './host.ts';
import type { Script } from './script.ts';

const TOOLS = ['tar', 'gzip', 'zstd', 'iptables', 'nft', 'ipvsadm', 'modprobe'] as const;
const RUNTIMES = ['dockerd', 'containerd', 'crio', 'cri-dockerd', 'podman'] as const;

/** How a kernel feature shows, and the module that brings it. */
const FEATURES = {
  ipvs: { module: 'ip_vs', shows: '[ -e /proc/net/ip_vs ]' },
  nftables: { module: 'nf_tables', shows: 'grep -qw nft_do_chain /proc/kallsyms || nft list tables >/dev/null 2>&1' },
  bridgeNetfilter: { module: 'br_netfilter', shows: '[ -e /proc/sys/net/bridge/bridge-nf-call-iptables ]' },
  overlayfs: { module: 'overlay', shows: 'grep -qw overlay /proc/filesystems' },
  vxlan: { module: 'vxlan', shows: '[ -d /sys/module/vxlan ]' },
} as const;

/**
 * One answer a line, `key=value`; a key may come several times. Everything asked may be missing on the host: a question without an
 * answer prints nothing or an empty value. Plain tools only (busybox's and mawk's forms too).
 */
function questions(): Script {
  const features = Object.entries(FEATURES)
    .map(([name, { module, shows }]) => `if has_module ${module} || ${shows}; then echo feature=${name}; fi`)
    .join('\n');
  return {
    kind: 'script',
    secrets: [],
    text: `echo "clock=$(date +%s.%N)"
capabilities=$(awk '/^CapEff:/ { print $2 }' /proc/self/status)
echo "capabilities=$capabilities"
release=$(uname -r)
# A module that lies ready is of use only where it may be loaded (CAP_SYS_MODULE, bit 16).
may_load=no
[ $(( (16#\${capabilities:-0} >> 16) & 1 )) = 1 ] && command -v modprobe >/dev/null && may_load=yes
has_module() {
  [ -d "/sys/module/$1" ] && return 0
  local directory
  for directory in /lib/modules/$release /usr/lib/modules/$release; do
    grep -qsE "/$1\\.ko" "$directory/modules.builtin" && return 0
    [ $may_load = yes ] && grep -qsE "^[^:]*/$1\\.ko[^:]*:" "$directory/modules.dep" && return 0
  done
  return 1
}
echo "hostname=$(hostname 2>/dev/null || cat /proc/sys/kernel/hostname)"
echo "machine=$(uname -m)"
echo "kernel=$release"
( . /etc/os-release 2>/dev/null || . /usr/lib/os-release 2>/dev/null; echo "os_id=$ID"; echo "os_version=$VERSION_ID"; echo "os_name=$PRETTY_NAME" )
echo "init=$(cat /proc/1/comm 2>/dev/null)"
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then echo cgroup=v2; else echo cgroup=v1; fi
echo "cpus=$(nproc 2>/dev/null || grep -c ^processor /proc/cpuinfo)"
echo "memory_kb=$(awk '/^MemTotal:/ { print $2 }' /proc/meminfo)"
directory=/var/lib/sealos; while [ ! -d "$directory" ]; do directory=$(dirname "$directory"); done
echo "disk_kb=$(df -Pk "$directory" | awk 'NR == 2 { print $4 }')"
for tool in ${TOOLS.join(' ')}; do if command -v $tool >/dev/null; then echo tool=$tool; fi; done
# A program that hangs must not hold up the rest.
patiently() { if command -v timeout >/dev/null; then timeout 5 "$@"; else "$@"; fi 2>/dev/null </dev/null; }
containers_of() {
  case $1 in
    containerd) if [ $2 = yes ] && command -v ctr >/dev/null
      then for space in $(patiently ctr namespaces ls -q); do patiently ctr -n "$space" containers ls -q; done
      else ls -d /run/containerd/io.containerd.runtime.v2.task/*/*; fi ;;
    dockerd) [ $2 = no ] || patiently docker ps -q ;;
    crio) [ $2 = no ] || patiently crictl ps -q ;;
    podman) patiently podman ps -q ;;
  esac 2>/dev/null | wc -l
}
for runtime in ${RUNTIMES.join(' ')}; do
  path=$(command -v $runtime) || continue
  running=no; grep -qsx $runtime /proc/[0-9]*/comm && running=yes
  echo "runtime=$runtime $path $running $(containers_of $runtime $running) $(patiently $runtime --version | head -n 1)"
done
${features}
# Where the host is a container its swap is the machine's, and not to be turned off from inside.
if [ "$(wc -l < /proc/swaps)" -gt 1 ] && { [ -e /run/systemd/container ] || systemd-detect-virt -cq 2>/dev/null; }; then echo swap=on; fi
if [ "$(cat /sys/fs/selinux/enforce 2>/dev/null)" = 1 ]; then echo selinux=enforcing; fi
cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | awk '$4 == "0A" { n = split($2, a, ":"); print "port_hex=" a[n] }'
if command -v ip >/dev/null; then ip -o addr show | awk '{ split($4, a, "/"); print "address=" a[1] }'
else for address in $(hostname -I 2>/dev/null); do echo "address=$address"; done; fi
true
`,
  };
}

const ARCHITECTURES: Readonly<Record<string, string>> = { x86_64: 'amd64', aarch64: 'arm64', arm64: 'arm64' };
const CAP_SYS_RESOURCE = 24n;

/** Everything that a run wants to know of a host, in one round trip; nothing is changed. */
export async function gatherFacts(host: Host, signal: AbortSignal): Promise<HostFacts> {
  const sent = Date.now();
  let answered: number | undefined;
  const { stdout } = await host.run(questions(), {
    title: 'asking what the host is',
    signal,
    timeout: 60_000,
    // The clock's line is the first that comes.
    onLine: () => {
      answered ??= Date.now();
    },
  });
  return parseFacts(stdout, (sent + (answered ?? sent)) / 2 / 1000);
}

/** Reads what the questions printed. `askedAt`: the operator's clock at the moment when the host read its own, in seconds. */
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
  // busybox's date knows no %N and leaves it out or as it is.
  const clock = Number.parseFloat(one('clock'));
  const capabilities = /^[0-9a-f]+$/i.test(one('capabilities')) ? BigInt(`0x${one('capabilities')}`) : 0n;
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
    clockSkewSeconds: Number.isNaN(clock) ? 0 : clock - askedAt,
    tools: present(TOOLS, all('tool')),
    kernelFeatures: present(Object.keys(FEATURES) as (keyof typeof FEATURES)[], all('feature')),
    sysResource: ((capabilities >> CAP_SYS_RESOURCE) & 1n) === 1n,
    swapOn: one('swap') === 'on',
    selinuxEnforcing: one('selinux') === 'enforcing',
    listeningPorts: [...new Set(all('port_hex').map((port) => Number.parseInt(port, 16)))].filter((port) => port > 0).sort((a, b) => a - b),
    addresses: [...new Set(all('address'))],
    containerRuntimes: all('runtime').flatMap(parseRuntime),
  };
}

function parseRuntime(answer: string): readonly ContainerRuntime[] {
  const match = /^(?<name>\S+) (?<path>\S+) (?<running>yes|no) +(?<containers>\d+) ?(?<version>.*)$/.exec(answer)?.groups;
  if (!match) return [];
  const { name = '', path = '', running, containers, version = '' } = match;
  return [
    { name, path, running: running === 'yes', containers: Number(containers), version: /\d+\.\d+\.\d+\S*/.exec(version)?.[0] ?? version },
  ];
}
