import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DISTRIBUTIONS } from '../distribution.ts';
import type { HostFacts } from '../host/host.ts';
import { script } from '../host/script.ts';
import { hostLayout } from '../layout.ts';
import type { ClusterPlanInput } from './plan-cluster.ts';
import type { PlannedHost, PlannedImage } from './plan-input.ts';
import { planUpgrade, type UpgradePlanInput } from './plan-upgrade.ts';

const facts: Pick<HostFacts, 'kernelFeatures' | 'tools' | 'swapOn'> = {
  kernelFeatures: { ipvs: false, nftables: true, bridgeNetfilter: true, overlayfs: true, vxlan: true },
  tools: { tar: true, gzip: true, zstd: true, iptables: true, nft: true, ipvsadm: false, modprobe: true },
  swapOn: false,
};

function host(ip: string, role: string): PlannedHost {
  // The plan looks at these three alone.
  return {
    address: { ip, port: 22 },
    hostname: `n${ip}`,
    roles: [role],
    facts: facts as HostFacts,
    files: [],
    env: new Map(),
    member: true,
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

function cluster(hosts: readonly PlannedHost[], change: Partial<ClusterPlanInput> = {}): ClusterPlanInput {
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
      initCri: 'init-cri.sh',
    },
    vip: '10.103.97.2',
    apiName: 'apiserver.cluster.local',
    apiPort: 6443,
    seat: { ip: '10.0.0.1', port: 22 },
    begins: false,
    certificates: () => [],
    kubeadm: { init: '', join: new Map(), skipPhaseFlags: { init: [], join: [] }, initOn: () => '' },
    joinToken: '',
    distribution: DISTRIBUTIONS.kubernetes,
    onMasters: { executables: [], userOf: () => 'root', clusterfile: async () => '' },
    adoptContainerd: false,
    registryIndexes: [],
    skipPhases: [],
    commands: [{ image: application, hosts: [{ ip: '10.0.0.1', port: 22 }], script: () => script`true`, files: [] }],
    force: new Set(),
    hostOf: () => assert.fail('a plan is made without hosts'),
    timeout: undefined,
    ...change,
  };
}

function plan(hosts: readonly PlannedHost[], change: Partial<UpgradePlanInput> = {}) {
  return planUpgrade({
    cluster: cluster(hosts),
    upgrade: { from: 'v1.20.2', to: 'v1.20.3', fromImage: 'k:old', toImage: 'k:new' },
    digest: `sha256:${'1'.repeat(64)}`,
    imageRepository: undefined,
    coreDns: true,
    pki: '/state/pki',
    backups: '/state/backups',
    force: false,
    ...change,
  }).steps;
}

type Steps = ReturnType<typeof plan>;
const ids = (steps: Steps) => steps.map(({ id }) => id);
const needsOf = (steps: Steps, id: string) => steps.find((step) => step.id === id)?.needs;
const three = [host('10.0.0.1', 'master'), host('10.0.0.2', 'master'), host('10.0.0.3', 'node'), host('10.0.0.4', 'node')];

test('etcd is saved and everything is brought to all hosts before the first node changes', () => {
  const steps = plan(three);
  assert.deepEqual(ids(steps).slice(0, ids(steps).indexOf('kubeadm-upgrade 10.0.0.1')), [
    'upgrade-begin',
    'upgrade-snapshot',
    'upgrade-rootfs',
    'layers',
    'files',
    'registry-name',
    'init-registry',
    'upgrade-images',
    'upgrade-configuration',
  ]);
});

test('the seat is upgraded first, then the other control planes, then the workers, each out of scheduling only while its kubelet changes', () => {
  const seat = { ip: '10.0.0.2', port: 22 };
  const steps = plan(three, { cluster: cluster(three, { seat }) });
  const order = ids(steps).filter((id) => / 10\.0\.0\./.test(id));
  assert.deepEqual(
    order,
    ['10.0.0.2', '10.0.0.1', '10.0.0.3', '10.0.0.4'].flatMap((ip) => [
      `kubeadm-upgrade ${ip}`,
      `drain ${ip}`,
      `node ${ip}`,
      `uncordon ${ip}`,
    ]),
  );
  for (const [index, id] of order.entries()) if (index > 0) assert.deepEqual(needsOf(steps, id), [order[index - 1]]);
});

test('workers may go several at a time', () => {
  const steps = plan(three, { workersAtATime: 2 });
  for (const ip of ['10.0.0.3', '10.0.0.4']) assert.deepEqual(needsOf(steps, `kubeadm-upgrade ${ip}`), ['uncordon 10.0.0.2']);
  assert.deepEqual(needsOf(steps, 'upgrade-end'), ['uncordon 10.0.0.3', 'uncordon 10.0.0.4']);
});

test('the only host of a cluster is not drained: its pods have nowhere to go', () => {
  assert.ok(!ids(plan([host('10.0.0.1', 'master')])).some((id) => id.startsWith('drain') || id.startsWith('uncordon')));
});

test('no script that is for new hosts runs, those of the container runtime and of the kubelet node by node alone', () => {
  const steps = ids(plan(three));
  for (const id of ['check', 'init-cri', 'init']) assert.ok(!steps.includes(id), id);
});

test("the rest of the cluster's plan follows, and every step comes after those that it needs", () => {
  const steps = plan(three);
  assert.equal(ids(steps).at(-1), 'run app:1');
  assert.ok(ids(steps).indexOf('api-address') > ids(steps).indexOf('upgrade-end'));
  assert.equal(new Set(ids(steps)).size, steps.length, 'every step has a name of its own');
  for (const [index, step] of steps.entries()) {
    for (const need of step.needs) assert.ok(ids(steps).slice(0, index).includes(need), `${step.id} needs ${need}`);
  }
});
