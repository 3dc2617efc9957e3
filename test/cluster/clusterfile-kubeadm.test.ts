// The kubeadm documents of Clusterfiles, merged and generated, as kubeadm itself reads them.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { formatClusterfile } from '../../packages/runtime/src/cluster/format.ts';
import { clusterFromFlags } from '../../packages/runtime/src/cluster/from-flags.ts';
import { checkClusterfile } from '../../packages/runtime/src/cluster/read-clusterfile.ts';
import type { KubeadmDocument } from '../../packages/runtime/src/kubeadm/document.ts';
import { kubeadmDocuments } from '../../packages/runtime/src/kubeadm/documents.ts';
import type { KubeadmHost } from '../../packages/runtime/src/kubeadm/plan.ts';
import { generatedDocuments } from '../../packages/runtime/src/kubeadm/standard.ts';

const version = 'v1.20.2';
// Built from Debian's source, the first time in some minutes; it prints the directory of the programs first.
const source = join(dirname(dirname(import.meta.dirname)), 'images', 'kubernetes', 'sources', 'debian-kubernetes.sh');
const [programs = ''] = execFileSync('bash', [source, version], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }).split('\n');
const work = mkdtempSync(join(tmpdir(), 'sealos-clusterfile-kubeadm-'));
after(() => rmSync(work, { recursive: true, force: true }));

const facts = {
  hostname: 'm0',
  kernelFeatures: { ipvs: false, nftables: true, bridgeNetfilter: true, overlayfs: true, vxlan: true },
  sysResource: true,
  swapOn: false,
  cgroup: 'v1',
  systemd: true,
} as const;
const hosts: readonly KubeadmHost[] = [
  { address: { ip: '10.0.0.11', port: 22 }, role: 'master', facts },
  { address: { ip: '10.0.0.21', port: 22 }, role: 'worker', facts: { ...facts, hostname: 'w0' } },
];

/** What kubeadm understood of a stream, which it must know every member of. */
function understood(name: string, text: string): string {
  writeFileSync(join(work, name), text);
  const target = join(work, `new-${name}`);
  const { status, stderr } = spawnSync(
    join(programs, 'bin', 'kubeadm'),
    ['config', 'migrate', '--old-config', join(work, name), '--new-config', target],
    { encoding: 'utf8' },
  );
  assert.deepEqual([status, stderr], [0, ''], text);
  return readFileSync(target, 'utf8');
}

const plan = (userDocuments: readonly KubeadmDocument[], imageDocuments: readonly KubeadmDocument[] = []) =>
  kubeadmDocuments({
    version,
    hosts,
    vip: '10.103.97.2',
    token: 'abcdef.0123456789abcdef',
    caCertHash: `sha256:${'0'.repeat(64)}`,
    userDocuments,
    imageDocuments,
  });

/** A Clusterfile with a document of every kind, of an API version of one's own. */
function documents(api: string): readonly KubeadmDocument[] {
  const args = (name: string, value: string) => (api === 'v1beta4' ? `[{name: ${name}, value: "${value}"}]` : `{${name}: "${value}"}`);
  const text = `apiVersion: apps.sealos.io/v1beta1
kind: Cluster
metadata: {name: default}
spec:
  image: localhost/k8s:1
  hosts: [{ips: [10.0.0.11], roles: [master]}, {ips: [10.0.0.21], roles: [node]}]
---
apiVersion: kubeadm.k8s.io/${api}
kind: ClusterConfiguration
networking: {podSubnet: 10.160.0.0/12, serviceSubnet: 10.96.0.0/16}
apiServer:
  certSANs: [a.example, 10.0.0.99]
  extraArgs: ${args('max-requests-inflight', '800')}
  extraVolumes: [{name: audit-log, hostPath: /data/audit, mountPath: /var/log/kubernetes, pathType: DirectoryOrCreate}]
etcd: {local: {dataDir: /data/etcd, extraArgs: ${args('quota-backend-bytes', '8589934592')}}}
---
apiVersion: kubeadm.k8s.io/${api}
kind: InitConfiguration
nodeRegistration: {taints: [], kubeletExtraArgs: ${args('node-labels', 'a=b')}}
---
apiVersion: kubeadm.k8s.io/${api}
kind: JoinConfiguration
nodeRegistration: {kubeletExtraArgs: ${args('node-labels', 'c=d')}}
---
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
maxPods: 200
readOnlyPort: 0
protectKernelDefaults: no
---
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: iptables
iptables: {masqueradeAll: yes}
`;
  return checkClusterfile(text, { name: 'Clusterfile' }).file.kubeadm;
}

for (const api of ['v1beta2', 'v1beta3', 'v1beta4']) {
  test(`kubeadm understands what a Clusterfile with documents of ${api} asks for, once each`, () => {
    const user = documents(api);
    const { init, join: joins } = plan(user, user);
    const text = understood(`init-${api}.yaml`, init);
    for (const [line, times] of [
      ['podSubnet: 10.160.0.0/12', 1],
      ['- a.example', 1],
      ['max-requests-inflight: "800"', 1],
      ['name: audit-log', 1],
      ['hostPath: /data/audit', 1],
      ['name: localtime', 3],
      ['dataDir: /data/etcd', 1],
      ['quota-backend-bytes: "8589934592"', 1],
      ['node-labels: a=b', 1],
      ['node-ip: 10.0.0.11', 1],
    ] as const) {
      assert.equal(text.split(line).length - 1, times, `${line}\n${text}`);
    }
    // What kubeadm hands on to others it checks but does not print.
    for (const line of ['maxPods: 200', 'protectKernelDefaults: false', 'masqueradeAll: true'])
      assert.equal(init.split(line).length, 2, line);
    const proxy = join(work, `proxy-${api}.yaml`);
    writeFileSync(proxy, init.slice(init.lastIndexOf('---\n') + 4));
    const { status, stderr } = spawnSync(join(programs, 'bin', 'kube-proxy'), ['--config', proxy, '--write-config-to', `${proxy}.out`], {
      encoding: 'utf8',
    });
    assert.equal(status, 0, stderr);
    assert.match(readFileSync(`${proxy}.out`, 'utf8'), /masqueradeAll: true\n/);
    const joined = understood(`join-${api}.yaml`, joins.get('10.0.0.21') ?? '');
    assert.match(joined, /node-ip: 10\.0\.0\.21\n\s+node-labels: c=d\n/);
  });
}

test('kubeadm understands generated documents as it does those that they were generated from', () => {
  const user = documents('v1beta4');
  const { documents: generated } = generatedDocuments({ version, imageDocuments: [], auditPolicy: true, master: '10.0.0.11' }, user);
  const cluster = clusterFromFlags({ name: 'default', images: ['localhost/k8s:1'], masters: '10.0.0.11', nodes: '10.0.0.21', ssh: {} });
  const text = formatClusterfile({ cluster, configs: [], kubeadm: generated });
  const read = checkClusterfile(text, { name: 'generated' }).file.kubeadm;
  const timeless = (yaml: string) => yaml.replace(/^ *expires: .*$/gm, '');
  assert.equal(timeless(understood('generated.yaml', plan(read).init)), timeless(understood('written.yaml', plan(user).init)));
});
