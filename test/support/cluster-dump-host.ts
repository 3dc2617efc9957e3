// What one host of a cluster holds of it, as lines.
import { createHash, X509Certificate } from 'node:crypto';
import { withoutChance } from './cluster-dump-chance.ts';

/** Prints `section<TAB>line`; texts whole, so that what is there by chance is taken out of them afterwards. */
export function clusterHostScript(cluster: string): string {
  const data = `/var/lib/sealos/data/${cluster}`;
  return `
export LC_ALL=C
section() { awk -v section="$1" 'NF { print section "\\t" $0 }'; }
as_lines() { tr '\\n\\0' '?\\n'; }
# texts NAME FILES...: mode, owner and content in base64 of each, on one line.
texts() { section=$1; shift; for file; do [ ! -f "$file" ] || printf '%s\\t%s %s %s\\n' "$section" "$file" "$(stat -c '%a %u:%g' "$file")" "$(base64 -w 0 "$file")"; done; }

section hosts < /etc/hosts
texts text /etc/kubernetes/manifests/* /etc/kubernetes/*.conf /etc/kubernetes/*.yml /var/lib/kubelet/config.yaml /var/lib/kubelet/kubeadm-flags.env \\
  /etc/crictl.yaml $(find /etc/containerd /etc/registry /etc/cni /etc/image-cri-shim.yaml -type f 2> /dev/null | sort) \\
  /etc/systemd/system/*.service /etc/systemd/system/*.d/* /etc/sysctl.d/* /etc/security/limits.d/* /root/.kube/config \\
  $(find ${data} -path '${data}/rootfs/registry' -prune -o -path '${data}/.sealos' -prune -o -type f -size -64k -print 2> /dev/null | sort)
texts certificate $(find /etc/kubernetes/pki -name '*.crt' 2> /dev/null)
find /etc/kubernetes/pki ! -type d -printf '%m %U:%G %p\\n' 2> /dev/null | section pki
for file in ca.key ca.crt sa.key sa.pub front-proxy-ca.key front-proxy-ca.crt etcd/ca.key etcd/ca.crt; do
  [ ! -f /etc/kubernetes/pki/$file ] || echo "$file $(sha256sum < /etc/kubernetes/pki/$file | cut -c -64)"
done | section shared
find ${data} -path '${data}/rootfs/registry' -prune -o -type f -size +63k -print0 2> /dev/null | xargs -0 -r sha256sum | awk '{ print $2, substr($1, 1, 16) }' | section program
find ${data}/rootfs/registry -type f -path '*/_manifests/tags/*/current/link' -printf '%P\\n' 2> /dev/null | section registry
for program in ${data}/rootfs/bin/* ${data}/rootfs/cri/*; do
  [ ! -f "/usr/bin/\${program##*/}" ] || sha256sum "/usr/bin/\${program##*/}"; done | awk '{ print $2, substr($1, 1, 16) }' | section program
find /opt/cni/bin -type f -printf '%p %m %s\\n' 2> /dev/null | section program
ls ${data}/.sealos 2> /dev/null | section marker
find ${data} /etc /usr/bin /var/tmp /opt/cni -xdev \\( -name '*.sealos-new' -o -name '.*.sealos-*' -o -name 'sealos-*' -path '/var/tmp/*' -o -path '${data}/.sealos/*.new' \\) 2> /dev/null | section temporary
for unit in kubelet containerd registry docker cri-docker image-cri-shim sealos-api-address; do
  echo "$unit $(systemctl is-enabled $unit 2> /dev/null || true) $(systemctl is-active $unit 2> /dev/null || true)"; done | section service
nft list table ip sealos_api 2> /dev/null | section balancing
ipvsadm -Sn 2> /dev/null | section balancing
ip route show 2> /dev/null | sed -E "s/ *$/ /" | grep -v ' proto 88 \\| proto bird' | section route
ip -o link show type veth 2> /dev/null | grep -vc ' host0@' | section veths
ps -eo args= | grep -c '^[^ ]*containerd-shim-runc-v2 ' | section sandboxes
ps -eo args= | grep -E '^(tar|zstd|gzip|kubeadm|bash -s|bash [^ ]*scripts/) ' | section process
true
`;
}

export interface ClusterHostLines {
  readonly lines: readonly string[];
  /** Hashes of the files that every control plane has the same, by their names. */
  readonly shared: ReadonlyMap<string, string>;
  readonly veths: number;
  readonly sandboxes: number;
}

function certificateLine(path: string, mode: string, pem: Buffer): string {
  const certificate = new X509Certificate(pem);
  const names = (certificate.subjectAltName ?? '').split(', ').sort().join(', ');
  const one = (text: string) => text.split('\n').sort().join('/');
  const years = Math.round((certificate.validToDate.getTime() - certificate.validFromDate.getTime()) / (365.25 * 86_400_000));
  return `certificate ${path} ${mode} ${certificate.ca ? 'authority ' : ''}${one(certificate.subject)} by ${one(certificate.issuer)}, ${years} years, for ${(certificate.keyUsage ?? []).join(' ')}, names ${names}`;
}

/** Of a text its lines, of anything else its hash. */
function contentLines(content: Buffer): readonly string[] {
  if (content.includes(0)) return [createHash('sha256').update(content).digest('hex').slice(0, 16)];
  return withoutChance(content.toString())
    .split('\n')
    .map((line) => line.trimEnd())
    .filter((line) => line !== '');
}

/** Reads what the script printed. */
export function parseClusterHost(output: string): ClusterHostLines {
  const lines: string[] = [];
  const shared = new Map<string, string>();
  let [veths, sandboxes] = [0, 0];
  for (const entry of output.split('\n').filter((line) => line !== '')) {
    const at = entry.indexOf('\t');
    const [section, rest] = [entry.slice(0, at), entry.slice(at + 1)];
    const [first = '', mode = '', owner = '', content = ''] = rest.split(' ');
    if (section === 'veths') veths = Number(rest);
    else if (section === 'sandboxes') sandboxes = Number(rest);
    else if (section === 'shared') shared.set(first, mode);
    else if (section === 'certificate') lines.push(certificateLine(first, `${mode} ${owner}`, Buffer.from(content, 'base64')));
    else if (section === 'text') {
      lines.push(
        `file ${first} ${mode} ${owner}`,
        ...contentLines(Buffer.from(content, 'base64')).map((line) => `file ${first} | ${line}`),
      );
    } else lines.push(`${section} ${withoutChance(rest)}`);
  }
  return { lines, shared, veths, sandboxes };
}
