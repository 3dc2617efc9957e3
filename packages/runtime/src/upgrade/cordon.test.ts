import assert from 'node:assert/strict';
import { test } from 'node:test';
import { blockingPods } from './cordon.ts';
import { imagesOfNode } from './pull-images.ts';

test('pods that hold a drain up are named with the reason, as kubectl of several versions tells it', () => {
  const told = `node/h2 cordoned
WARNING: ignoring DaemonSet-managed Pods: kube-system/kube-proxy-fd95b
evicting pod default/web-1
error when evicting pods/"web-1" -n "default" (will retry after 5s): Cannot evict pod as it would violate the pod's disruption budget.
error when evicting pods/"web-1" -n "default" (will retry after 5s): Cannot evict pod as it would violate the pod's disruption budget.
error when evicting pods/"web-1" -n "default": global timeout reached: 5m0s
error when evicting pods/"web-2" -n "default" (will retry after 5s): Cannot evict pod as it would violate the pod's disruption budget.
pod/web-2 evicted
error when waiting for pod "slow-0" in namespace "shop" to terminate: global timeout reached: 5m0s
error when waiting for pod "slower-0" terminating: global timeout reached: 5m0s`;
  assert.deepEqual(blockingPods(told), [
    "default/web-1 (Cannot evict pod as it would violate the pod's disruption budget)",
    'shop/slow-0 (global timeout reached: 5m0s)',
    'slower-0 (global timeout reached: 5m0s)',
  ]);
});

test('pods that kubectl does not touch are named too', () => {
  const told =
    'error: unable to drain node "h2", aborting command...\n\nerror: cannot delete Pods not managed by ReplicationController, ReplicaSet, Job, DaemonSet or StatefulSet (use --force to override): default/bare, shop/lonely';
  const why = 'Pods not managed by ReplicationController, ReplicaSet, Job, DaemonSet or StatefulSet';
  assert.deepEqual(blockingPods(told), [`default/bare (${why})`, `shop/lonely (${why})`]);
});

test('a worker pulls what runs on every node, a control plane all but what the cluster does without', () => {
  const listed = [
    'k8s.gcr.io/kube-apiserver:v1.20.3',
    'k8s.gcr.io/kube-proxy:v1.20.3',
    'k8s.gcr.io/pause:3.2',
    'k8s.gcr.io/etcd:3.4.13-0',
    'r:5000/x/coredns/coredns:v1.8',
  ];
  const names = (images: readonly string[]) => images.map((image) => image.replace(/^.*\/|:[^:]*$/g, ''));
  assert.deepEqual(names(imagesOfNode(listed, { controlPlane: false, coreDns: false })), ['kube-proxy', 'pause']);
  assert.deepEqual(names(imagesOfNode(listed, { controlPlane: false, coreDns: true })), ['kube-proxy', 'pause', 'coredns']);
  assert.deepEqual(names(imagesOfNode(listed, { controlPlane: true, coreDns: false })), ['kube-apiserver', 'kube-proxy', 'pause', 'etcd']);
});
