import { X509Certificate } from 'node:crypto';
import { type Script, script } from '../host/script.ts';
import type { HostLayout } from '../layout.ts';
import type { CertificateReport, DiskReport, ServiceReport } from './report.ts';

/** Services that a cluster may have on a host: of this project's images and of sealos's. */
const SERVICES = ['kubelet', 'k3s', 'containerd', 'docker', 'cri-docker', 'image-cri-shim', 'registry', 'sealos-api-address'];

/** What one script on a host found of the cluster there. */
export interface HostAnswers {
  readonly services: readonly ServiceReport[];
  readonly versions: Readonly<Record<string, string>>;
  readonly disks: readonly DiskReport[];
  /** Steps that are recorded as done, and when (RFC 3339). */
  readonly markers: ReadonlyMap<string, string>;
  readonly certificate: CertificateReport | undefined;
  /** Lines of `/etc/hosts`: names and their address. */
  readonly names: ReadonlyMap<string, string>;
  readonly registry: { readonly domain: string; readonly port: number } | undefined;
  readonly apiPort: number;
  readonly reachesApi: boolean | undefined;
  readonly reachesRegistry: boolean | undefined;
  readonly balancedTo: readonly string[] | undefined;
}

/**
 * Asks a host everything about the cluster's parts on it, in one round trip; nothing is changed, and what waits for the network gives up
 * after 3 s. One answer a line, `key=value`, parts separated by `|`. Only the public half of certificates is read.
 */
export function statusQuestions(layout: HostLayout, apiName: string): Script {
  return script`export LC_ALL=C
systemctl show --property=Id,LoadState,ActiveState,UnitFileState,NRestarts ${SERVICES.map((name) => `${name}.service`)} 2>/dev/null | awk -F= '
  function flush() { if (v["LoadState"] == "loaded") print "service=" v["Id"] "|" v["ActiveState"] "|" v["UnitFileState"] "|" v["NRestarts"]; split("", v) }
  NF == 0 { flush(); next } { v[$1] = $2 } END { flush() }'
version() { if command -v "$1" >/dev/null; then echo "version=$1|$(timeout 5 "$@" 2>/dev/null | head -n 1)"; fi; }
version kubelet --version
version containerd --version
version docker --version
version kubeadm version -o short
for directory in ${layout.data} /var/lib/containerd /var/lib/docker /var/lib/kubelet /var/lib/etcd; do
  [ ! -d "$directory" ] || df -Pk "$directory" 2>/dev/null | awk 'NR == 2 { print "disk=" $6 "|" $2 "|" $4 }'
done | sort -u
for file in ${layout.markers}/*; do [ ! -f "$file" ] || echo "marker=\${file##*/}|$(stat -c %Y "$file")"; done
for file in $(find /etc/kubernetes/pki -name '*.crt' 2>/dev/null) /var/lib/kubelet/pki/kubelet-client-current.pem; do
  [ ! -f "$file" ] || echo "certificate=$file|$(awk '/-----BEGIN CERTIFICATE-----/ { on = 1 } on { print } /-----END CERTIFICATE-----/ { exit }' "$file" | base64 -w 0)"
done
for file in /etc/kubernetes/*.conf; do
  [ ! -f "$file" ] || awk -v file="$file" '$1 == "client-certificate-data:" { print "certificate=" file "|" $2 }' "$file"
done
awk '$1 !~ /^#/ { for (i = 2; i <= NF && $i !~ /^#/; i++) print "name=" $i "|" $1 }' /etc/hosts
registry=${`${layout.rootfs}/etc/registry.yml`}
if [ -f "$registry" ]; then
  domain=$(awk '$1 == "domain:" { gsub(/"/, "", $2); print $2; exit }' "$registry") port=$(awk '$1 == "port:" { gsub(/"/, "", $2); print $2; exit }' "$registry")
fi
domain=\${domain:-sealos.hub} port=\${port:-5000}
echo "registry=$domain|$port"
apiport=$(awk -F= '/--secure-port=/ { print $2; exit }' /etc/kubernetes/manifests/kube-apiserver.yaml 2>/dev/null)
[ -n "$apiport" ] || apiport=$(awk '$1 == "server:" { n = split($2, part, ":"); print part[n]; exit }' /etc/kubernetes/kubelet.conf 2>/dev/null)
apiport=\${apiport:-6443}
echo "apiport=$apiport"
if command -v nft >/dev/null; then nft list tables 2>/dev/null | awk '$3 ~ /sealos|lvscare/ { print $2, $3 }' | while read -r family table; do
  nft list table "$family" "$table" 2>/dev/null | awk '/ dnat / {
    # nft breaks a long map over several lines.
    while ($0 ~ /{/ && $0 !~ /}/ && (getline more) > 0) $0 = $0 more
    print "nft=" $0 }'
  echo 'balanced=nftables'; done; fi
if [ -e /proc/net/ip_vs ] && command -v ipvsadm >/dev/null; then ipvsadm -Sn 2>/dev/null | awk -v port="$apiport" '
  $1 == "-a" && $3 ~ ":" port "$" { print "ipvs=" $0; seen = 1 } $1 == "-A" && $3 ~ ":" port "$" { seen = 1 } END { if (seen) print "balanced=ipvs" }'; fi
reach() { if timeout 3 bash -c "exec 3<>/dev/tcp/$2/$3" 2>/dev/null; then echo "reach=$1|yes"; else echo "reach=$1|no"; fi; }
reach api ${apiName} "$apiport" &
reach registry "$domain" "$port" &
wait
`;
}

function words(text: string): readonly string[] {
  return text.split('|');
}

function firstToEnd(certificates: readonly string[]): CertificateReport | undefined {
  const read = certificates.flatMap((line) => {
    const [path = '', content = ''] = words(line);
    try {
      return [{ path, end: new X509Certificate(Buffer.from(content, 'base64')).validToDate }];
    } catch {
      return [];
    }
  });
  const [first] = read.sort((one, other) => one.end.getTime() - other.end.getTime());
  return first && { path: first.path, end: first.end.toISOString() };
}

/** Addresses that balancing rules send to: `dnat to A`, `map { 0 : A, 1 : B }` with or without ports; ipvsadm's `-r A:6443 … -w 1`, where a weight of 0 sends nothing. */
export function balancedMembers(nft: readonly string[], ipvs: readonly string[]): readonly string[] {
  const found = new Set<string>();
  for (const line of nft) {
    for (const [ip] of line.slice(line.indexOf(' dnat ')).matchAll(/\b\d{1,3}(?:\.\d{1,3}){3}\b|\b[0-9a-f]{1,4}:[0-9a-f:]*:[0-9a-f:.]*\b/g))
      found.add(ip);
  }
  for (const line of ipvs) {
    const target = / -r \[?([0-9a-f.:]+?)\]?:\d+ /.exec(`${line} `)?.[1];
    if (target && !/ -w 0\b/.test(line)) found.add(target);
  }
  return [...found];
}

const versionText = (line: string) => /v?\d+\.\d+\.\d+[^\s,]*/.exec(line)?.[0] ?? line;

/** Reads what the questions printed. */
export function parseHostAnswers(text: string, apiName: string): HostAnswers {
  const answers = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const at = line.indexOf('=');
    if (at > 0) answers.set(line.slice(0, at), [...(answers.get(line.slice(0, at)) ?? []), line.slice(at + 1)]);
  }
  const all = (key: string) => answers.get(key) ?? [];
  const reach = (what: string) => {
    const answer = all('reach').find((line) => words(line)[0] === what);
    return answer === undefined ? undefined : words(answer)[1] === 'yes';
  };
  const names = new Map<string, string>();
  // The first line that has a name wins, as for the resolver.
  for (const [name = '', ip = ''] of all('name').map(words)) if (!names.has(name)) names.set(name, ip);
  const [domain, port] = words(all('registry')[0] ?? '');
  return {
    services: all('service').map((line) => {
      const [id = '', active = '', enabled = '', restarts = ''] = words(line);
      return { name: id.replace(/\.service$/, ''), active, enabled: enabled.startsWith('enabled'), restarts: Number(restarts) || 0 };
    }),
    versions: Object.fromEntries(all('version').map((line) => [words(line)[0] ?? '', versionText(words(line)[1] ?? '')])),
    disks: all('disk').map((line) => {
      const [mount = '', total = '', free = ''] = words(line);
      return { mount, totalBytes: Number(total) * 1024, freeBytes: Number(free) * 1024 };
    }),
    markers: new Map(all('marker').map((line) => [words(line)[0] ?? '', new Date(Number(words(line)[1]) * 1000).toISOString()])),
    certificate: firstToEnd(all('certificate')),
    names,
    registry: domain && port ? { domain, port: Number(port) } : undefined,
    apiPort: Number(all('apiport')[0]) || 6443,
    reachesApi: names.has(apiName) ? reach('api') : undefined,
    reachesRegistry: reach('registry'),
    balancedTo: all('balanced').length > 0 ? balancedMembers(all('nft'), all('ipvs')) : undefined,
  };
}
