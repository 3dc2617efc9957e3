import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseEtcdPod } from '../etcd/etcd-pod.ts';
import { memberManifest } from './partial-master.ts';

const seat = `apiVersion: v1
kind: Pod
metadata:
  annotations: {kubeadm.kubernetes.io/etcd.advertise-client-urls: "https://10.0.0.1:2379"}
  name: etcd
spec:
  containers:
  - command:
    - etcd
    - --advertise-client-urls=https://10.0.0.1:2379
    - --data-dir=/var/lib/etcd
    - --initial-advertise-peer-urls=https://10.0.0.1:2380
    - --initial-cluster=m1=https://10.0.0.1:2380
    - --listen-client-urls=https://127.0.0.1:2379,https://10.0.0.1:2379
    - --listen-peer-urls=https://10.0.0.1:2380
    - --name=m1
    image: registry.k8s.io/etcd:3.5.15-0
    name: etcd
  hostNetwork: true
`;

test('a member that was announced and never started gets a manifest that joins the one which let it in', () => {
  const manifest = memberManifest(seat, { ip: '10.0.0.1' }, { ip: '10.0.0.12', name: 'm2' }) ?? '';
  assert.deepEqual(parseEtcdPod(manifest), {
    image: 'registry.k8s.io/etcd:3.5.15-0',
    name: 'm2',
    dataDirectory: '/var/lib/etcd',
    peerUrls: ['https://10.0.0.12:2380'],
  });
  assert.match(manifest, /--initial-cluster=m1=https:\/\/10\.0\.0\.1:2380,m2=https:\/\/10\.0\.0\.12:2380$/m);
  assert.match(manifest, /--initial-cluster-state=existing$/m);
  assert.match(manifest, /--listen-client-urls=https:\/\/127\.0\.0\.1:2379,https:\/\/10\.0\.0\.12:2379$/m);
  assert.match(manifest, /hostNetwork: true/);
});

test('what is not a manifest of etcd makes none', () => {
  for (const text of ['', '{}', 'spec: {containers: [{command: [etcd]}]}'])
    assert.equal(memberManifest(text, { ip: '10.0.0.1' }, { ip: '10.0.0.2', name: 'm2' }), undefined);
});
