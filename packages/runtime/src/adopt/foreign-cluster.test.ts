import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clusterHosts } from '../cluster/cluster.ts';
import { parseClusterfile } from '../cluster/clusterfile.ts';
import { foreignCluster } from './foreign-cluster.ts';
import { foreignMarkers } from './foreign-markers.ts';
import type { LiveCluster, LiveNode } from './live-cluster.ts';

const CLUSTERFILE = `apiVersion: apps.sealos.io/v1beta1
kind: Cluster
metadata: {name: default, creationTimestamp: "2024-01-01T00:00:00Z"}
spec:
  image: [labring/kubernetes:v1.29.9, labring/helm:v3.9.4]
  ssh: {user: root, passwd: open-sesame, port: 22}
  hosts:
    - {ips: ["10.0.0.1:22", "10.0.0.2:22"], roles: [master, amd64]}
    - {ips: ["10.0.0.3:22"], roles: [node, amd64]}
status:
  phase: ClusterSuccess
  mounts:
    - {name: default-abcdefgh, type: rootfs, imageName: "labring/kubernetes:v1.29.9", labels: {version: v1.29.9, sealos.io.type: rootfs, sealos.io.version: v1beta1}}
    - {name: default-hgfedcba, type: application, imageName: "labring/helm:v3.9.4"}
`;
const state = { file: parseClusterfile(CLUSTERFILE, { name: 'Clusterfile' }), from: 'Clusterfile' };
const node = (ip: string, controlPlane = false): LiveNode => ({ name: ip, ip, controlPlane });
const live: LiveCluster = {
  nodes: [node('10.0.0.3'), node('10.0.0.1', true), node('10.0.0.2', true)],
  endpoint: 'apiserver.cluster.local:6443',
  document: { kind: 'ClusterConfiguration', apiVersion: 'kubeadm.k8s.io/v1beta3', content: { networking: { podSubnet: '10.9.0.0/16' } } },
};
const input = { state, live, name: 'default', ssh: {}, now: '2026-01-01T00:00:00Z' };
const ips = (cluster: Parameters<typeof clusterHosts>[0]) => clusterHosts(cluster).map(({ address, roles }) => `${address.ip} ${roles[0]}`);

test('a cluster of sealos 5 keeps its hosts, images and date, and what kubeadm knows of its networks', () => {
  const { file, members, warnings } = foreignCluster(input);
  assert.deepEqual(ips(file.cluster), ['10.0.0.1 master', '10.0.0.2 master', '10.0.0.3 node']);
  assert.equal(file.cluster.createdAt, '2024-01-01T00:00:00Z');
  assert.deepEqual(file.cluster.images, ['labring/kubernetes:v1.29.9', 'labring/helm:v3.9.4']);
  assert.deepEqual(file.kubeadm, [live.document]);
  assert.deepEqual([...members].sort(), ['10.0.0.1', '10.0.0.2', '10.0.0.3']);
  assert.equal(warnings.length, 1);
  assert.match(warnings.join(), /password .* is not kept/);
  assert.doesNotMatch(warnings.join(), /open-sesame/);
});

test('hosts that the cluster does not have are left out, and those that only it has are taken in', () => {
  const { file, warnings } = foreignCluster({
    ...input,
    live: { ...live, nodes: [node('10.0.0.1', true), node('10.0.0.2', true), node('10.0.0.7')] },
  });
  assert.deepEqual(ips(file.cluster), ['10.0.0.1 master', '10.0.0.2 master', '10.0.0.7 node']);
  assert.match(warnings.join('\n'), /10\.0\.0\.3 is in the Clusterfile, but is no node/);
  assert.match(warnings.join('\n'), /10\.0\.0\.7 is a node of the cluster, but not in the Clusterfile/);
});

test('tokens and keys of the first start that sealos 5 wrote down are not kept, and settings are', () => {
  const document = `---
apiVersion: kubeadm.k8s.io/v1beta3
kind: InitConfiguration
bootstrapTokens: [{token: abcdef.0123456789abcdef}]
certificateKey: "0123"
localAPIEndpoint: {advertiseAddress: 10.0.0.1}
nodeRegistration: {kubeletExtraArgs: {v: "4"}}
`;
  const file = parseClusterfile(CLUSTERFILE + document, { name: 'Clusterfile' });
  const [init, cluster] = foreignCluster({ ...input, state: { ...state, file } }).file.kubeadm;
  assert.deepEqual(init?.content, { nodeRegistration: { kubeletExtraArgs: { v: '4' } } });
  assert.deepEqual(cluster, live.document);
});

test("another cluster's Clusterfile is refused", () => {
  assert.throws(() => foreignCluster({ ...input, live: { ...live, nodes: [node('10.9.9.9', true)] } }), /none of the hosts in Clusterfile/);
});

test('a cluster that kubeadm alone made is known by its nodes, and it is said what does not work', () => {
  const { file, warnings } = foreignCluster({ ...input, state: undefined, live: { ...live, endpoint: 'lb.example.com:6443' } });
  assert.deepEqual(ips(file.cluster), ['10.0.0.1 master', '10.0.0.2 master', '10.0.0.3 node']);
  assert.equal(file.cluster.createdAt, input.now);
  assert.match(warnings.join('\n'), /add, delete and reset do not work/);
  assert.match(warnings.join('\n'), /lb\.example\.com:6443/);
});

test('each host is recorded as what it is: the first control plane began the cluster and serves its images', () => {
  const { cluster } = foreignCluster(input).file;
  assert.deepEqual(foreignMarkers(cluster, '10.0.0.1'), [
    'check',
    'init-registry',
    'init-cri',
    'init',
    'run labring/kubernetes:v1.29.9',
    'kubeadm-init',
  ]);
  assert.deepEqual(foreignMarkers(cluster, '10.0.0.3'), ['check', 'init-cri', 'init', 'run labring/kubernetes:v1.29.9', 'kubeadm-join']);
});
