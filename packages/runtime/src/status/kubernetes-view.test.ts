import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseNodes, parsePods } from './kubernetes-view.ts';

test('nodes are read with their roles, their address and why they are not ready', () => {
  const text = [
    'h1\tkubernetes.io/os node-role.kubernetes.io/control-plane node-role.kubernetes.io/master \t10.0.0.1 \tTrue KubeletReady\t\tv1.20.2',
    'h2\tkubernetes.io/os \t10.0.0.2 \tUnknown NodeStatusUnknown\tcordoned\tv1.20.2',
    'h3\t\t\t\t\t<no value>',
  ].join('\n');
  assert.deepEqual(parseNodes(text), [
    {
      name: 'h1',
      ip: '10.0.0.1',
      ready: true,
      reason: undefined,
      schedulable: true,
      roles: ['control-plane', 'master'],
      version: 'v1.20.2',
    },
    { name: 'h2', ip: '10.0.0.2', ready: false, reason: 'NodeStatusUnknown', schedulable: false, roles: [], version: 'v1.20.2' },
    { name: 'h3', ip: undefined, ready: false, reason: undefined, schedulable: true, roles: [], version: '' },
  ]);
});

test('a pod that runs and is ready is well, and so is one that has done its work; every other says why not', () => {
  const { total, unwell } = parsePods(
    [
      'default\tgood\th1\tRunning\t<no value>\t<no value>\tmain=true= ',
      'default\tjob\th1\tSucceeded\t<no value>\t<no value>\tmain=false=Completed ',
      'default\tcrash\th1\tRunning\t<no value>\t<no value>\tside=true= main=false=CrashLoopBackOff ',
      'default\twaits\t<no value>\tPending\t<no value>\t<no value>\t',
      'default\timage\th2\tPending\t<no value>\t<no value>\tmain=false=ImagePullBackOff ',
      'default\tout\th2\tFailed\tEvicted\t<no value>\t',
      'default\tgoes\th2\tRunning\t<no value>\t2026-01-01T00:00:00Z\tmain=true= ',
    ].join('\n'),
  );
  assert.equal(total, 7);
  assert.deepEqual(
    unwell.map(({ name, why }) => `${name}: ${why}`),
    [
      'crash: container main is not ready (CrashLoopBackOff)',
      'waits: Pending',
      'image: Pending (ImagePullBackOff)',
      'out: Failed (Evicted)',
      'goes: is being deleted',
    ],
  );
});
