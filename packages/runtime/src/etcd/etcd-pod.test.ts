import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseEtcdPod } from './etcd-pod.ts';

const manifest = (flags: readonly string[]) => `apiVersion: v1
kind: Pod
metadata: {name: etcd, namespace: kube-system}
spec:
  containers:
  - command:
    - etcd
${flags.map((flag) => `    - ${flag}`).join('\n')}
    image: registry.k8s.io/etcd:3.5.15-0
    name: etcd
`;
const flags = [
  '--advertise-client-urls=https://10.0.0.1:2379',
  '--data-dir=/var/lib/etcd/',
  '--initial-advertise-peer-urls=https://10.0.0.1:2380',
  '--initial-cluster=m1=https://10.0.0.1:2380',
  '--name=m1',
];

test("kubeadm's manifest tells image, name, data directory and peer URLs", () => {
  assert.deepEqual(parseEtcdPod(manifest(flags)), {
    image: 'registry.k8s.io/etcd:3.5.15-0',
    name: 'm1',
    dataDirectory: '/var/lib/etcd',
    peerUrls: ['https://10.0.0.1:2380'],
  });
});

test('a manifest that lacks one of these, or is none, is not taken for one', () => {
  for (const missing of ['--data-dir', '--name', '--initial-advertise']) {
    assert.equal(parseEtcdPod(manifest(flags.filter((flag) => !flag.startsWith(missing)))), undefined);
  }
  for (const text of ['', 'a: [', '{}', 'spec: {containers: []}']) assert.equal(parseEtcdPod(text), undefined);
});
