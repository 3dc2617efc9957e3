// What users of sealos have in their files (sealos-interop.md §4, §11; cluster-image-layout.md §5), and what Go's types make of ours.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { configsOf, imageWithConfigs } from '../../packages/runtime/src/cluster/apply-config.ts';
import { clusterHosts } from '../../packages/runtime/src/cluster/cluster.ts';
import { parseClusterfile } from '../../packages/runtime/src/cluster/clusterfile.ts';
import { formatClusterfile, formatOwnClusterfile } from '../../packages/runtime/src/cluster/format.ts';
import { checkClusterfile } from '../../packages/runtime/src/cluster/read-clusterfile.ts';
import { parseSet, withAssignments } from '../../packages/runtime/src/cluster/set-values.ts';
import { kubeadmDocuments } from '../../packages/runtime/src/kubeadm/documents.ts';
import { ensureInstalled } from '../../scripts/debian.ts';

ensureInstalled(['golang-go', 'golang-k8s-sigs-yaml-dev']);

const support = join(dirname(import.meta.dirname), 'support', 'clusterfile');
const work = mkdtempSync(join(tmpdir(), 'sealos-clusterfile-go-'));
const program = join(work, 'clusterfile');
before(() => {
  const env = { ...process.env, GO111MODULE: 'off', GOPATH: '/usr/share/gocode', GOFLAGS: '' };
  const { status, stderr } = spawnSync('go', ['build', '-o', program, join(support, 'main.go')], { env, encoding: 'utf8' });
  assert.equal(status, 0, stderr);
});
after(() => rmSync(work, { recursive: true, force: true }));

function readByGo(text: string) {
  const { status, stdout, stderr } = spawnSync(program, [], { encoding: 'utf8', input: text });
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout);
}

const example = `apiVersion: apps.sealos.io/v1beta1
kind: Cluster
metadata: {name: default}
spec:
  image: [labring/kubernetes:v1.29.9, labring/helm:v3.9.4, labring/cilium:v1.13.4]
  ssh: {user: root, pk: /root/.ssh/id_rsa, port: 22}
  hosts:
    - {ips: ["10.0.0.11:22"], roles: [master, amd64]}
    - {ips: ["10.0.0.21:22", "10.0.0.22:22"], roles: [node, amd64], env: ["criData=/data/containerd"]}
  env: ["registryPassword=changed"]
`;
const fragment = `apiVersion: kubeadm.k8s.io/v1beta3
kind: ClusterConfiguration
networking: {podSubnet: 10.160.0.0/12, serviceSubnet: 10.96.0.0/16}
---
apiVersion: apps.sealos.io/v1beta1
kind: Config
metadata: {name: calico}
spec:
  match: docker.io/labring/calico:v3.24.6
  path: charts/calico/values.yaml
  strategy: merge
  data: |
    installation:
      calicoNetwork:
        ipPools: [{cidr: 10.160.0.0/12}]
`;
/** As sealos writes its state: all members, Go's nulls and zero values. */
const stored = `apiVersion: apps.sealos.io/v1beta1
kind: Cluster
metadata:
  creationTimestamp: "2024-05-01T10:00:00Z"
  name: default
spec:
  hosts:
  - env: null
    ips:
    - 10.0.0.11:22
    roles:
    - master
    - amd64
  - ips:
    - 10.0.0.21:2222
    roles:
    - node
    - gpu
    ssh:
      pk: ""
      port: 2222
      user: ubuntu
  image:
  - labring/kubernetes:v1.29.9
  ssh:
    passwd: hunter22
    pk: /root/.ssh/id_rsa
    port: 22
    user: root
status:
  commandCondition:
  - images:
    - labring/helm:v3.9.4
    lastHeartbeatTime: "2024-05-01T10:05:00Z"
    message: Applied to cluster successfully
    reason: Apply Command
    status: "True"
    type: ApplyCommandSuccess
  conditions:
  - lastHeartbeatTime: "2024-05-01T10:05:00Z"
    message: Applied to cluster successfully
    reason: Ready
    status: "True"
    type: ApplyClusterSuccess
  mounts:
  - cmd: null
    entrypoint:
    - bash install.sh
    env:
      criData: /var/lib/containerd
    imageName: labring/kubernetes:v1.29.9
    labels:
      sealos.io.type: rootfs
    mountPoint: /var/lib/containers/storage/overlay/x/merged
    name: default-2nmj0zq5
    type: rootfs
  phase: ClusterSuccess
`;

const name = { name: 'Clusterfile' };

test('§4: documents in any order, the Cluster last too', () => {
  const { cluster, configs, kubeadm } = parseClusterfile(`${fragment}---\n${example}`, name);
  assert.equal(cluster.images.length, 3);
  assert.deepEqual([configs.length, kubeadm.length], [1, 1]);
  assert.equal(cluster.env.get('registryPassword'), 'changed');
  assert.equal(clusterHosts(cluster)[1]?.env.get('criData'), '/data/containerd');
});

test("§4: a Clusterfile is a template with sprig's functions, ipAt and ipNet, and prints missing keys", () => {
  const text = `{{- $net := .Values.network -}}
apiVersion: apps.sealos.io/v1beta1
kind: Cluster
metadata: {name: {{ default "default" .Values.name }}}
spec:
  image:
  {{- range .Values.images }}
    - {{ . | quote }}
  {{- end }}
  hosts:
    - ips:
      {{- range $i := until 3 }}
        - {{ ipAt $net (add 10 $i | int) }}
      {{- end }}
      roles: [master]
  env:
    - NET={{ ipNet $net }}
    - TWO={{ toJson .Values.map }}
    - NONE={{ .Values.nothing }}
    - USER={{ env "USER" }}
`;
  const values = withAssignments(new Map(), parseSet('network=10.0.0.77/24,images={a:1,b:2},map.x=1,map.y={z}'));
  const { file } = checkClusterfile(text, { ...name, values, environment: { USER: 'me' } });
  assert.deepEqual(file.cluster.images, ['a:1', 'b:2']);
  assert.deepEqual(
    clusterHosts(file.cluster).map(({ address }) => address.ip),
    ['10.0.0.10', '10.0.0.11', '10.0.0.12'],
  );
  assert.deepEqual(Object.fromEntries(file.cluster.env), {
    NET: '10.0.0.0/24',
    TWO: '{"x":1,"y":["z"]}',
    NONE: '<no value>',
    USER: 'me',
  });
});

test("§4.1: sealos' own state is read, with its nulls, its conditions and roles of one's own, and written without its password", () => {
  const file = parseClusterfile(stored, name);
  const text = formatClusterfile(file);
  assert.doesNotMatch(text, /hunter22/);
  assert.deepEqual(parseClusterfile(text, name), {
    ...file,
    cluster: { ...file.cluster, ssh: { user: 'root', pk: '/root/.ssh/id_rsa', port: 22 } },
  });
  assert.deepEqual(
    clusterHosts(file.cluster).map(({ address, roles, ssh }) => [address.port, roles.at(-1), ssh.user]),
    [
      [22, 'amd64', 'root'],
      [2222, 'gpu', 'ubuntu'],
    ],
  );
});

test("Go's types understand what is written as they understand what sealos wrote", () => {
  assert.deepEqual(readByGo(formatOwnClusterfile(parseClusterfile(stored, name))), readByGo(stored));
  const [cluster, config] = readByGo(formatOwnClusterfile(parseClusterfile(`${example}---\n${fragment}`, name)));
  assert.deepEqual(cluster.spec, readByGo(example)[0].spec);
  assert.deepEqual(config.spec.data, 'installation:\n  calicoNetwork:\n    ipPools: [{cidr: 10.160.0.0/12}]\n');
});

test("Go's types understand words that YAML 1.1 takes for something else", () => {
  const words = ['on', 'no', '0755', '1e3', '1:30', '2024-01-02', 'null', '~', '', ' x', '=', '1_000', '.5', '0x1f', 'y'];
  const file = parseClusterfile(example, name);
  const text = formatClusterfile({ ...file, cluster: { ...file.cluster, command: words, images: words } });
  const [{ spec }] = readByGo(text);
  assert.deepEqual([spec.command, spec.image], [words, words]);
  assert.deepEqual(parseClusterfile(text, name).cluster.command, words);
});

test('§4.1: of a variable that is given twice the last counts', () => {
  assert.equal(parseClusterfile(example.replace('["registryPassword=changed"]', '[A=1, B=2, A=3]'), name).cluster.env.get('A'), '3');
});

test("§4.2, layout 5.18: a chart's values are merged before anything renders; the image's own config.yml comes first", () => {
  const { configs } = parseClusterfile(`${example}---\n${fragment}`, name);
  const own = [
    { name: '', match: '', path: 'charts/calico/values.yaml', strategy: 'merge', data: 'installation: {calicoNetwork: {bgp: Disabled}}\n' },
  ] as const;
  const files = new Map([
    [
      'charts/calico/values.yaml',
      Buffer.from('installation:\n  enabled: true # by default\n  calicoNetwork: {ipPools: [{cidr: 100.64.0.0/10}, {cidr: fd00::/48}]}\n'),
    ],
  ]);
  const changed = imageWithConfigs(files, configsOf('docker.io/labring/calico:v3.24.6', own, configs));
  assert.equal(
    String(changed.get('charts/calico/values.yaml')),
    'installation:\n  enabled: true # by default\n  calicoNetwork: { ipPools: [ { cidr: 10.160.0.0/12 } ], bgp: Disabled }\n',
  );
  assert.equal(imageWithConfigs(files, configsOf('labring/calico:v3.24.6', own, configs)).size, 1, 'the name is compared as it is written');
});

const host = {
  address: { ip: '10.0.0.11', port: 22 },
  role: 'master',
  facts: {
    hostname: 'm0',
    kernelFeatures: { ipvs: true, nftables: true, bridgeNetfilter: true, overlayfs: true, vxlan: true },
    sysResource: true,
    swapOn: false,
    cgroup: 'v2',
    systemd: true,
  },
} as const;
const init = (text: string, times: number) =>
  kubeadmDocuments({
    version: 'v1.29.9',
    hosts: [host],
    vip: '10.103.97.2',
    token: 'abcdef.0123456789abcdef',
    caCertHash: 'sha256:00',
    userDocuments: Array.from({ length: times }, () => parseClusterfile(`${example}---\n${text}`, name).kubeadm).flat(),
  }).init;

test('§4.3, §11.13: documents that are merged again and again double nothing', () => {
  const text = `apiVersion: kubeadm.k8s.io/v1beta3
kind: ClusterConfiguration
apiServer:
  certSANs: [a.example, a.example]
  extraVolumes: [{name: x, hostPath: /x, mountPath: /x}]
---
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
enforceNodeAllocatable: [pods]
clusterDNS: [10.96.0.10]
`;
  assert.equal(init(text, 5), init(text, 1));
});

test("§4.3, §11.13: a user's kubeletExtraArgs stay beside the node's address", () => {
  const text = 'apiVersion: kubeadm.k8s.io/v1beta3\nkind: InitConfiguration\nnodeRegistration: {kubeletExtraArgs: {max-pods: "200"}}\n';
  assert.match(init(text, 1), /kubeletExtraArgs:\n\s+max-pods: "200"\n\s+node-ip: 10\.0\.0\.11\n/);
});

test('§4.3: documents of kubeadm are stored with the Cluster, so that a later run sees them', () => {
  const file = parseClusterfile(`${example}---\n${fragment}`, name);
  assert.deepEqual(parseClusterfile(formatClusterfile(file), name).kubeadm, file.kubeadm);
});

test('§13.7: a bare string is one image', () => {
  const text = example.replace(/image: \[.*\]/, 'image: labring/kubernetes:v1.29.9');
  assert.deepEqual(parseClusterfile(text, name).cluster.images, ['labring/kubernetes:v1.29.9']);
});
