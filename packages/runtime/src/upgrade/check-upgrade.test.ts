import assert from 'node:assert/strict';
import { test } from 'node:test';
import { refuseFatal } from '../run/preflight.ts';
import { type UpgradeCheckInput, type UpgradeHost, upgradeFindings } from './check-upgrade.ts';
import type { NodeView } from './cluster-view.ts';
import { refuseUnfinished, unfinishedUpgrade } from './progress.ts';

const host = (name: string, change: Partial<UpgradeHost> = {}): UpgradeHost => ({
  name,
  node: name,
  controlPlane: name === 'm1',
  facts: { diskFreeBytes: 1e11 },
  markers: new Set(),
  member: true,
  bytesNeeded: 1e9,
  ...change,
});
const node = (name: string, change: Partial<NodeView> = {}): NodeView => ({
  name,
  ready: true,
  kubeletVersion: 'v1.20.2',
  unschedulable: false,
  ...change,
});
const environment = new Map([['criData', '/var/lib/containerd']]);

function input(change: Partial<UpgradeCheckInput> & { readonly nodes?: readonly NodeView[] } = {}): UpgradeCheckInput {
  const { nodes = [node('m1'), node('w1')], ...rest } = change;
  return {
    cluster: 'default',
    upgrade: { from: 'v1.20.2', to: 'v1.20.3', fromImage: 'k:old', toImage: 'k:new' },
    hosts: [host('m1'), host('w1')],
    view: { nodes, imageRepository: undefined, coreDns: false, barePods: new Map(), tightBudgets: [] },
    etcd: undefined,
    environments: { old: environment, new: environment },
    vip: { old: '10.103.97.2', new: '10.103.97.2' },
    force: false,
    ...rest,
  };
}

const fatal = (check: UpgradeCheckInput) =>
  upgradeFindings(check).flatMap(({ host, message, fatal }) => (fatal ? [`${host}: ${message}`] : []));
const told = (check: UpgradeCheckInput) => upgradeFindings(check).map(({ host, message }) => `${host}: ${message}`);

test('a cluster that is well may be upgraded, and one with a single control plane hears what that means', () => {
  assert.deepEqual(fatal(input()), []);
  assert.match(told(input()).join('\n'), /one control plane: the API is away/);
  const three = ['m1', 'm2', 'm3'].map((name) => host(name, { controlPlane: true }));
  assert.deepEqual(told(input({ hosts: three, nodes: three.map(({ name }) => node(name)) })), []);
});

test('everything that speaks against it is told at once', () => {
  const check = input({
    hosts: [host('m1', { facts: { diskFreeBytes: 1e9 } }), host('w1'), host('w2', { member: false }), host('w3')],
    nodes: [node('m1'), node('w1', { ready: false }), node('w3', { kubeletVersion: 'v1.21.0' })],
  });
  assert.deepEqual(fatal(check), [
    'm1: 1.0 GB are free on the disk of /var/lib/sealos, 2.0 GB are needed',
    'w1: node w1 is not ready',
    'w2: it is not part of the cluster yet: upgrade first, then add it (or the other way round)',
    'w3: its kubelet is v1.21.0, newer than v1.20.3',
  ]);
  assert.throws(() => refuseFatal(upgradeFindings(check)), { exitCode: 2 });
});

test('a kubelet that was left behind a minor version ago is brought up first', () => {
  const upgrade = { from: 'v1.20.2', to: 'v1.21.0', fromImage: 'k:old', toImage: 'k:new' };
  const check = input({ upgrade, nodes: [node('m1'), node('w1', { kubeletVersion: 'v1.19.8' })] });
  assert.deepEqual(fatal(check), ['w1: its kubelet is v1.19.8, the cluster v1.20.2: bring it to v1.20.2 first']);
});

test('a node that an upgrade left between two versions does not stop that upgrade', () => {
  const between = host('w1', { markers: new Set(['upgrading-v1.20.3', 'upgrade-v1.20.3-kubeadm']) });
  const check = input({ hosts: [host('m1'), between], nodes: [node('m1'), node('w1', { ready: false, unschedulable: true })] });
  assert.deepEqual(fatal(check), []);
  assert.match(told(check).join('\n'), /its upgrade was cut off, and goes on now/);
});

test('pods that nothing would make anew are not taken away unasked', () => {
  const view = { ...input().view, barePods: new Map([['w1', ['default/bare']]]) };
  assert.match(fatal(input({ view })).join(), /w1: pods that nothing would make anew run there: default\/bare/);
  assert.deepEqual(fatal(input({ view, force: true })), []);
});

test('an image that moves the registry, the containers or the API is refused, with what keeps them', () => {
  const check = input({
    environments: { old: environment, new: new Map([['criData', '/data']]) },
    vip: { old: '10.103.97.2', new: '10.103.97.9' },
  });
  assert.deepEqual(fatal(check), [
    'cluster default: k:new has the API at 10.103.97.9, the cluster has it at 10.103.97.2: keep it with -e defaultVIP=10.103.97.2',
    'cluster default: k:new sets criData=/data, the cluster has /var/lib/containerd: keep it with -e criData=/var/lib/containerd',
  ]);
});

test('while an upgrade is not finished, only the same one goes on', () => {
  const hosts = [{ markers: new Set(['init']) }, { markers: new Set(['upgrading-v1.20.3', 'init']) }];
  assert.equal(unfinishedUpgrade(hosts), 'v1.20.3');
  refuseUnfinished(hosts, 'v1.20.3');
  for (const to of [undefined, 'v1.20.4']) assert.throws(() => refuseUnfinished(hosts, to), { code: 'upgrade-unfinished', exitCode: 2 });
  refuseUnfinished([{ markers: new Set(['upgrade-v1.20.3-node']) }], undefined);
});
