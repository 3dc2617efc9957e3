import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findProblems } from './problems.ts';
import type { HostReport, NodeReport } from './report.ts';

const NOW = Date.parse('2026-06-01T00:00:00Z');
type Findings = Parameters<typeof findProblems>[0];

function host(ip: string, role: 'master' | 'node', change: Partial<HostReport> = {}): HostReport {
  return {
    host: ip,
    ip,
    roles: [role],
    unreachable: undefined,
    facts: { hostname: `h${ip.at(-1)}`, os: 'Debian', kernel: '6.1', architecture: 'amd64', clockSkewSeconds: 0.1 },
    services: ['kubelet', 'containerd'].map((name) => ({ name, active: 'active', enabled: true, restarts: 0 })),
    versions: { kubelet: 'v1.20.2' },
    member: role === 'master' ? 'init' : 'join',
    disks: [{ mount: '/', totalBytes: 100, freeBytes: 50 }],
    certificate: { path: '/etc/kubernetes/pki/apiserver.crt', end: '2126-01-01T00:00:00.000Z' },
    api: {
      address: role === 'master' ? ip : '10.103.97.2',
      reachable: true,
      server: role === 'master' ? 'ok' : undefined,
      members: role === 'master' ? undefined : ['10.0.0.1'],
    },
    reachesRegistry: true,
    ...change,
  };
}

const node = (ip: string, change: Partial<NodeReport> = {}): NodeReport => ({
  name: `h${ip.at(-1)}`,
  ip,
  ready: true,
  reason: undefined,
  schedulable: true,
  roles: [],
  version: 'v1.20.2',
  ...change,
});

function findings(change: Partial<Findings> = {}): Findings {
  return {
    name: 'default',
    phase: 'ClusterSuccess',
    createdAt: undefined,
    busy: undefined,
    images: [],
    hosts: [host('10.0.0.1', 'master'), host('10.0.0.2', 'node')],
    registry: { address: 'sealos.hub:5000', hosts: ['10.0.0.1'], healthy: true, repositories: 8, problem: undefined },
    kubernetes: {
      askedOn: '10.0.0.1',
      problem: undefined,
      nodes: [node('10.0.0.1'), node('10.0.0.2')],
      pods: { total: 9, unwell: [] },
      failingChecks: [],
    },
    etcd: undefined,
    applications: [],
    conditions: [],
    ...change,
  };
}

const said = (change: Partial<Findings>) =>
  findProblems(findings(change), NOW).map(({ host: at, message }) => (at ? `${at}: ${message}` : message));
const worker = (change: Partial<HostReport>) => said({ hosts: [host('10.0.0.1', 'master'), host('10.0.0.2', 'node', change)] });
const api = host('10.0.0.2', 'node').api;

test('a cluster that is well has no problems', () => {
  assert.deepEqual(said({}), []);
});

test('a host that is down is one problem, not many', () => {
  assert.deepEqual(worker({ unreachable: 'no answer within 10 s', services: [], member: undefined }), ['10.0.0.2: no answer within 10 s']);
});

test('services, room, clocks and certificates are each told', () => {
  assert.deepEqual(worker({ services: [{ name: 'kubelet', active: 'failed', enabled: true, restarts: 3 }] }), [
    '10.0.0.2: kubelet is failed',
  ]);
  assert.deepEqual(worker({ services: [{ name: 'kubelet', active: 'active', enabled: false, restarts: 0 }] }), [
    '10.0.0.2: kubelet will not start with the host',
  ]);
  assert.deepEqual(worker({ disks: [{ mount: '/', totalBytes: 100, freeBytes: 6 }] }), ['10.0.0.2: / is 94 % full']);
  assert.deepEqual(worker({ facts: { hostname: 'h2', os: '', kernel: '', architecture: '', clockSkewSeconds: -40 } }), [
    "10.0.0.2: its clock is 40 s behind this machine's",
  ]);
  assert.deepEqual(worker({ certificate: { path: '/x.crt', end: '2026-06-11T00:00:00.000Z' } }), ['10.0.0.2: /x.crt ends in 10 days']);
  assert.deepEqual(worker({ certificate: { path: '/x.crt', end: '2026-05-11T00:00:00.000Z' } }), ['10.0.0.2: /x.crt ended on 2026-05-11']);
});

test("a worker's rules are held against the control planes that serve", () => {
  const two = (members: readonly string[] | undefined, server = 'ok') =>
    said({
      hosts: [
        host('10.0.0.1', 'master'),
        host('10.0.0.3', 'master', { api: { ...api, address: '10.0.0.3', server, members: undefined } }),
        host('10.0.0.2', 'node', { api: { ...api, members } }),
      ],
      kubernetes: {
        askedOn: '10.0.0.1',
        problem: undefined,
        nodes: ['1', '2', '3'].map((at) => node(`10.0.0.${at}`)),
        pods: { total: 0, unwell: [] },
        failingChecks: [],
      },
    });
  assert.deepEqual(two(['10.0.0.1', '10.0.0.3']), []);
  assert.deepEqual(two(['10.0.0.1']), ['10.0.0.2: it sends no API calls to 10.0.0.3, which serves']);
  assert.deepEqual(two(['10.0.0.1', '10.0.0.3', '10.9.9.9']), [
    '10.0.0.2: it sends API calls to 10.9.9.9, which is no control plane of this cluster',
  ]);
  assert.deepEqual(two(undefined), ["10.0.0.2: its kernel has no rules for the API's address 10.103.97.2"]);
  assert.deepEqual(two(['10.0.0.1', '10.0.0.3'], 'not ready: etcd'), [
    '10.0.0.3: its API server: not ready: etcd',
    '10.0.0.2: it still sends API calls to 10.0.0.3, which does not serve',
  ]);
  assert.deepEqual(two(['10.0.0.1'], 'not ready: etcd'), ['10.0.0.3: its API server: not ready: etcd'], 'the guard has taken it out');
});

test('nodes are held against hosts, in both directions', () => {
  const kubernetes = (nodes: readonly NodeReport[]) =>
    said({ kubernetes: { askedOn: 'x', problem: undefined, nodes, pods: { total: 0, unwell: [] }, failingChecks: [] } });
  assert.deepEqual(kubernetes([node('10.0.0.1')]), ['10.0.0.2: Kubernetes has no node of it']);
  assert.deepEqual(kubernetes([node('10.0.0.1'), node('10.0.0.2', { ready: false, reason: 'KubeletNotReady' })]), [
    '10.0.0.2: node h2 is not ready: KubeletNotReady',
  ]);
  assert.deepEqual(kubernetes([node('10.0.0.1'), node('10.0.0.2'), node('10.0.0.9')]), [
    'node h9 is in Kubernetes and no host of this cluster',
  ]);
});

test('an interrupted run and a failed one are told, one that is at work is not', () => {
  assert.deepEqual(said({ phase: 'ClusterInProcess' }), ['the last change of this cluster was interrupted']);
  assert.deepEqual(said({ phase: 'ClusterInProcess', busy: 'run x' }), []);
  assert.deepEqual(said({ conditions: [{ type: 'ApplyCommandError', status: 'False', message: 'no\nmore', images: ['app:1'] }] }), [
    'the last run of app:1 failed: no',
  ]);
});

test('every problem says what to try', () => {
  const all = findProblems(
    findings({
      phase: 'ClusterInProcess',
      hosts: [host('10.0.0.1', 'master', { unreachable: 'x' }), host('10.0.0.2', 'node', { services: [] })],
    }),
    NOW,
  );
  assert.ok(all.length >= 3);
  for (const { hint } of all) assert.ok(hint.length > 5);
});
