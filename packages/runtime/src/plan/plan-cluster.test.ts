import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DISTRIBUTIONS } from '../distribution.ts';
import type { HostFacts } from '../host/host.ts';
import { script } from '../host/script.ts';
import { hostLayout } from '../layout.ts';
import { type ClusterPlanInput, planCluster } from './plan-cluster.ts';
import type { PlannedHost, PlannedImage } from './plan-input.ts';

const facts: Pick<HostFacts, 'kernelFeatures' | 'tools' | 'swapOn'> = {
  kernelFeatures: { ipvs: false, nftables: true, bridgeNetfilter: true, overlayfs: true, vxlan: true },
  tools: { tar: true, gzip: true, zstd: true, iptables: true, nft: true, ipvsadm: false, modprobe: true },
  swapOn: false,
};

function host(ip: string, role: string, change: Partial<typeof facts> = {}): PlannedHost {
  // The plan looks at these three alone.
  return {
    address: { ip, port: 22 },
    hostname: ip,
    roles: [role],
    facts: { ...facts, ...change } as HostFacts,
    files: [],
    env: new Map(),
    member: false,
  };
}

const application: PlannedImage = {
  name: 'app:1',
  digest: `sha256:${'0'.repeat(64)}`,
  kind: 'application',
  directory: 'app-1',
  layers: [],
  variants: new Map(),
};
const patch: PlannedImage = { ...application, name: 'patch:1', kind: 'patch' };

function input(hosts: readonly PlannedHost[], change: Partial<ClusterPlanInput> = {}): ClusterPlanInput {
  return {
    cluster: 'default',
    guard: { name: 'lvscare', backends: ['ipvs', 'nftables'], choosesBackend: true },
    etcdSchedule: undefined,
    layout: hostLayout('default', '/var/lib/sealos'),
    hosts,
    images: [],
    master0: { ip: '10.0.0.1', port: 22 },
    registry: { host: { ip: '10.0.0.1', port: 22 }, domain: 'sealos.hub', port: 5000, data: '/var/lib/registry' },
    scripts: {
      check: 'check.sh',
      init: 'init.sh',
      clean: 'clean.sh',
      initRegistry: 'init-registry.sh',
      cleanRegistry: 'clean-registry.sh',
    },
    vip: '10.103.97.2',
    apiName: 'apiserver.cluster.local',
    apiPort: 6443,
    seat: { ip: '10.0.0.1', port: 22 },
    begins: true,
    certificates: () => [],
    kubeadm: { init: '', join: new Map(), skipPhaseFlags: { init: [], join: [] }, initOn: () => '' },
    joinToken: '',
    distribution: DISTRIBUTIONS.kubernetes,
    onMasters: { executables: [], userOf: () => 'root', clusterfile: async () => '' },
    adoptContainerd: false,
    registryIndexes: [],
    skipPhases: [],
    commands: [],
    force: new Set(),
    hostOf: () => assert.fail('a plan is made without hosts'),
    timeout: undefined,
    ...change,
  };
}

const ids = (plan: ReturnType<typeof planCluster>) => plan.steps.map(({ id }) => id);
const hostsOf = (plan: ReturnType<typeof planCluster>, id: string) => plan.steps.find((step) => step.id === id)?.hosts.map(({ ip }) => ip);

test('a host alone is a cluster: nothing joins, and the API needs no address of its own', () => {
  assert.deepEqual(ids(planCluster(input([host('10.0.0.1', 'master')]))), [
    'layers',
    'files',
    'adopt-runtime',
    'check',
    'registry-name',
    'init-registry',
    'api-name',
    'init',
    'certificates',
    'kubeadm-init',
    'kubeconfig',
    'etcd-schedule',
  ]);
});

test('the container runtime is started by a script of its own only where the image has one', () => {
  const scripts = { ...input([]).scripts, initCri: 'init-cri.sh', cleanCri: 'clean-cri.sh' };
  const plan = planCluster(input([host('10.0.0.1', 'master')], { scripts }));
  assert.ok(
    ids(plan).indexOf('init-registry') < ids(plan).indexOf('init-cri') && ids(plan).indexOf('init-cri') < ids(plan).indexOf('init'),
  );
});

test('with an image of 2022 the registry starts after the container runtime that runs it, and hosts log in to it before kubeadm', () => {
  const scripts = { ...input([]).scripts, auth: 'auth.sh' };
  const steps = ids(planCluster(input([host('10.0.0.1', 'master'), host('10.0.0.2', 'node')], { scripts, firstGeneration: true })));
  assert.deepEqual(steps.slice(steps.indexOf('check'), steps.indexOf('kubeadm-init')), [
    'check',
    'registry-name',
    'api-name',
    'image-lists',
    'init',
    'init-registry',
    'auth',
    'certificates',
  ]);
});

test('every step comes after those that it needs', () => {
  const commands = [application, patch].map((image) => ({
    image,
    hosts: [{ ip: '10.0.0.1', port: 22 }],
    script: () => script`true`,
    files: [],
  }));
  const { steps } = planCluster(input([host('10.0.0.1', 'master'), host('10.0.0.2', 'node')], { commands }));
  for (const [index, step] of steps.entries()) {
    for (const need of step.needs)
      assert.ok(
        steps.slice(0, index).some(({ id }) => id === need),
        `${step.id} needs ${need}`,
      );
  }
});

test('workers get the virtual address where their kernel can balance it, and the control plane itself elsewhere', () => {
  const bare = host('10.0.0.3', 'node', { tools: { ...facts.tools, nft: false } });
  const plan = planCluster(input([host('10.0.0.1', 'master'), host('10.0.0.2', 'node'), bare]));
  assert.deepEqual(hostsOf(plan, 'api-address'), ['10.0.0.2']);
  assert.deepEqual(hostsOf(plan, 'join-workers'), ['10.0.0.2', '10.0.0.3']);
});

test("an application's commands run on the first control plane, a patch's on every host, in the order of the images", () => {
  const everywhere = ['10.0.0.1', '10.0.0.2'].map((ip) => ({ ip, port: 22 }));
  const commands = [patch, application].map((image) => ({
    image,
    hosts: image === patch ? everywhere : everywhere.slice(0, 1),
    script: () => script`true`,
    files: [],
  }));
  const plan = planCluster(input([host('10.0.0.1', 'master'), host('10.0.0.2', 'node')], { commands }));
  assert.deepEqual(ids(plan).slice(-2), ['run patch:1', 'run app:1']);
  assert.deepEqual(hostsOf(plan, 'run patch:1'), ['10.0.0.1', '10.0.0.2']);
  assert.deepEqual(hostsOf(plan, 'run app:1'), ['10.0.0.1']);
});

test('control planes join one after the other while the workers join, and only then does the API address lead to all of them', () => {
  const hosts = ['10.0.0.1', '10.0.0.2', '10.0.0.3'].map((ip) => host(ip, 'master'));
  const plan = planCluster(input([...hosts, host('10.0.0.4', 'node')]));
  const step = (id: string) => plan.steps.find((one) => one.id === id);
  assert.deepEqual(hostsOf(plan, 'certificates'), ['10.0.0.1', '10.0.0.2', '10.0.0.3']);
  assert.deepEqual(hostsOf(plan, 'kubeadm-init'), ['10.0.0.1']);
  assert.deepEqual(hostsOf(plan, 'join-masters'), ['10.0.0.2', '10.0.0.3']);
  assert.equal(step('join-masters')?.serial, true);
  assert.deepEqual(step('join-workers')?.needs, ['kubeadm-init', 'api-address']);
  assert.deepEqual(step('api-members')?.needs, ['own-api-name', 'join-workers']);
});

test('where a control plane stands, it lets the others in, be it the first or not', () => {
  const [first, second] = [host('10.0.0.1', 'master'), { ...host('10.0.0.2', 'master'), member: true }];
  const plan = planCluster(input([first, second], { seat: second.address }));
  assert.deepEqual(hostsOf(plan, 'kubeadm-init'), ['10.0.0.2']);
  assert.deepEqual(hostsOf(plan, 'join-masters'), ['10.0.0.1']);
});

const k3s = {
  config: () => '',
  tokens: { server: '', agent: '' },
  operator: { readKubeconfig: async () => undefined, writeKubeconfig: async () => {} },
};

test('k3s starts in the place of kubeadm: no certificates of ours, control planes one after the other, then the workers', () => {
  const hosts = [host('10.0.0.1', 'master'), host('10.0.0.2', 'master'), host('10.0.0.3', 'node')];
  const plan = planCluster(input(hosts, { distribution: DISTRIBUTIONS.k3s, k3s }));
  assert.deepEqual(ids(plan).slice(ids(plan).indexOf('init') + 1), [
    'k3s-init',
    'join-masters',
    'own-api-name',
    'kubeconfig',
    'operator-kubeconfig',
    'api-address',
    'join-workers',
    'api-guard',
    'api-members',
  ]);
  assert.deepEqual(
    ['k3s-init', 'join-masters', 'join-workers'].map((id) => hostsOf(plan, id)),
    [['10.0.0.1'], ['10.0.0.2'], ['10.0.0.3']],
  );
  for (const [index, step] of plan.steps.entries()) {
    for (const need of step.needs) assert.ok(ids(plan).slice(0, index).includes(need), `${step.id} needs ${need}`);
  }
});
