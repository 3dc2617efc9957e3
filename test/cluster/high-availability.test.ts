// The whole life of a cluster with three control planes, on one cluster that is built once: each test goes on where the last one ended.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type LabHost, openLab } from '@sealos/lab';
import { buildClusterImages, buildNextKubernetes, imageNames, nextKubernetes } from '../../scripts/cluster-images.ts';
import { type HostState, hostState, lastingDifferences } from '../support/host-state.ts';
import { scenarioCluster, stepStarts } from '../support/scenario-cluster.ts';
import { until } from '../support/until.ts';
import { certificatesScenario } from './scenarios/certificates.ts';
import type { Ended, Scenario } from './scenarios/context.ts';
import { etcdScenario } from './scenarios/etcd.ts';
import { faultsScenario } from './scenarios/faults.ts';
import { operationsScenario } from './scenarios/operations.ts';
import { upgradeScenario } from './scenarios/upgrade.ts';

const lab = openLab({ name: 'test-ha' });
const work = mkdtempSync(join(tmpdir(), 'sealos-ha-'));
const env = { SEALOS_STORAGE: join(work, 'store'), SEALOS_RUNTIME_ROOT: join(work, 'state') };
const images = [imageNames.kubernetes, imageNames.hostgw, imageNames.whoami];
/** A file of the registry that no image of the cluster brought. */
const PUSHED = `blobs/sha256/ab/${'ab'.repeat(32)}/data`;
const VIP_HEALTH = 'curl -sk --max-time 2 https://apiserver.cluster.local:6443/healthz';

let hosts: readonly LabHost[] = [];
const untouched = new Map<string, HostState>();
const log = (line: string) => console.log(`# ${line}`);

/** The cluster as it is now, by the lab names of its hosts. */
const cluster = (masters: readonly string[], workers: readonly string[]): Scenario =>
  scenarioCluster({ lab, hosts, env, masters, workers });
const ipOf = (name: string): string => hosts.find((host) => host.name === name)?.ip ?? assert.fail(`${name} is up`);
const ips = (...names: readonly string[]) => names.map(ipOf).join(',');

function assertWell({ status, stderr, stdout }: Ended): string {
  assert.equal(status, 0, stderr);
  return stdout;
}

async function readyNodes({ kubectl, masters, workers }: Scenario): Promise<void> {
  await until('all nodes to be ready', 180_000, async () => {
    const nodes = (await kubectl(['get', 'nodes', '--no-headers'])).trim().split('\n');
    return nodes.length === masters.length + workers.length && nodes.every((line) => / Ready /.test(line)) ? true : undefined;
  });
}

/** etcd's members as one of them sees them. */
async function etcdMembers({ kubectl, masters }: Scenario): Promise<readonly string[]> {
  const pki = '/etc/kubernetes/pki/etcd';
  const ask = ['--endpoints=https://127.0.0.1:2379', `--cacert=${pki}/ca.crt`, `--cert=${pki}/server.crt`, `--key=${pki}/server.key`];
  const out = await kubectl([
    '-n',
    'kube-system',
    'exec',
    `etcd-${masters[0]?.name}`,
    '--',
    'etcdctl',
    ...ask,
    'endpoint',
    'status',
    '--cluster',
  ]);
  const lines = out.trim().split('\n');
  const names = await kubectl(['-n', 'kube-system', 'exec', `etcd-${masters[0]?.name}`, '--', 'etcdctl', ...ask, 'member', 'list']);
  assert.equal(lines.length, names.trim().split('\n').length, 'every member answers');
  return names
    .trim()
    .split('\n')
    .flatMap((line) => line.split(', ')[2] ?? [])
    .sort();
}

const healthyEtcd = (scenario: Scenario) =>
  until('every member of etcd to answer', 120_000, async () => {
    const members = await etcdMembers(scenario);
    return members.length === scenario.masters.length ? members : undefined;
  });

/** Which control planes a worker's kernel sends the API's clients to. */
async function balancedOver(scenario: Scenario, worker: string): Promise<string> {
  const rules = await scenario.on(ipOf(worker), 'nft list table ip sealos_api');
  return [...new Set(rules.match(/10\.77\.\d+\.\d+/g))].sort().join(',');
}

/** A pod of an image that the node has already, on that node; it runs when all of the machinery works. */
async function assertPodRuns({ kubectl }: Scenario, name: string, node: string): Promise<void> {
  const image = await kubectl(['get', 'daemonset', 'whoami', '-o', 'jsonpath={.spec.template.spec.containers[0].image}']);
  await kubectl([
    'run',
    name,
    `--image=${image.trim()}`,
    '--restart=Never',
    `--overrides={"spec":{"nodeSelector":{"kubernetes.io/hostname":"${node}"}}}`,
  ]);
  await until(`pod ${name} to run`, 120_000, async () =>
    (await kubectl(['get', 'pod', name, '-o', 'jsonpath={.status.phase}'])).trim() === 'Running' ? true : undefined,
  );
  await kubectl(['delete', 'pod', name, '--wait=false']);
}

let broken = false;

/** One part of the cluster's life; after one that failed the others would only fail for its reason. */
function stage(name: string, act: () => Promise<void>): void {
  test(name, async (context) => {
    if (broken) {
      context.skip('an earlier part of this life failed');
      return;
    }
    try {
      await act();
    } catch (error) {
      broken = true;
      throw error;
    }
  });
}

before(async () => {
  mkdirSync(env.SEALOS_RUNTIME_ROOT, { recursive: true });
  await buildClusterImages({ storage: env.SEALOS_STORAGE, onLine: log });
  hosts = await lab.up({ count: 5 });
  for (const { name } of hosts) untouched.set(name, await hostState(lab, name));
});

after(async () => {
  await lab.down();
  rmSync(work, { recursive: true, force: true });
});

const create = () => ['run', ...images, '--masters', ips('h1', 'h2', 'h3'), '--nodes', ips('h4')];

stage('three control planes and a worker: killed while the second joins, run again, all are ready', async () => {
  const three = cluster(['h1', 'h2', 'h3'], ['h4']);
  const killed = await three.run([...create(), '--log-format', 'json'], { killWhen: stepStarts('join-masters') });
  assert.equal(killed.status, null, killed.stderr);
  assertWell(await three.run(create()));
  await readyNodes(three);
  assert.deepEqual(await healthyEtcd(three), ['h1', 'h2', 'h3']);
  assert.equal(await balancedOver(three, 'h4'), [ips('h1'), ips('h2'), ips('h3')].sort().join(','));
  for (const { ip } of three.masters) {
    assert.match(await three.on(ip, 'getent hosts apiserver.cluster.local'), new RegExp(`^${ip} `), 'each control plane finds its own API');
    assert.match(await three.on(ip, 'cat /etc/kubernetes/manifests/kube-apiserver.yaml'), /audit-policy/);
    assert.match(await three.on(ip, 'kubectl get nodes'), /h4/, "root's kubeconfig works on every control plane");
  }
  const again = await three.run(create());
  assert.match(assertWell(again), /nothing was changed/, again.stderr);
});

stage("no program of a control plane leans on another's API server", async () => {
  const three = cluster(['h1', 'h2', 'h3'], ['h4']);
  for (const { ip } of three.masters) {
    const others = three.masters.filter((master) => master.ip !== ip);
    // etcd's own traffic aside, and what the admin's kubectl does not keep open.
    const peers = await until('pods of the host network to be made anew', 60_000, async () => {
      const connections = await three.on(ip, "ss -Htnp state established '( dport = :6443 )' | awk '{print $4, $5}'");
      return others.some((other) => connections.includes(` ${other.ip}:6443`)) ? undefined : connections;
    });
    assert.ok(peers.includes(`${ip}:6443`), peers);
  }
});

stage('status tells what is wrong, past runs are told, clusters are listed', () =>
  operationsScenario(cluster(['h1', 'h2', 'h3'], ['h4']), lab),
);

stage('names are added to certificates and all are renewed while a client works', () =>
  certificatesScenario(cluster(['h1', 'h2', 'h3'], ['h4'])),
);

stage('etcd is saved, destroyed and brought back on all three', () => etcdScenario(cluster(['h1', 'h2', 'h3'], ['h4'])));

stage('the first control plane loses its power: the API answers again on the worker within 10 s, and pods are scheduled', async () => {
  const three = cluster(['h1', 'h2', 'h3'], ['h4']);
  await lab.kill('h1');
  const lost = Date.now();
  const rest = cluster(['h2', 'h3'], ['h4']);
  // Ten answers in a row: a rule that still leads to the dead one would fail every third.
  await until('the API to answer through the virtual address', 60_000, async () => {
    for (let call = 0; call < 10; call += 1) await three.on(ipOf('h4'), VIP_HEALTH);
    return true;
  });
  const gap = Date.now() - lost;
  log(`the API answered ten times in a row on the worker ${gap} ms after the power loss`);
  assert.ok(gap < 10_000 + 10 * 1000, `it took ${gap} ms`);
  await assertPodRuns(rest, 'after-power-loss', 'h4');
});

stage('it comes back, and etcd has three members again', async () => {
  await lab.start('h1');
  const three = cluster(['h1', 'h2', 'h3'], ['h4']);
  await readyNodes(three);
  assert.deepEqual(await healthyEtcd(three), ['h1', 'h2', 'h3']);
});

stage('the first control plane is deleted for good, killed halfway and repeated; another is added: still three', async () => {
  const three = cluster(['h1', 'h2', 'h3'], ['h4']);
  await three.on(
    ipOf('h1'),
    `cd /var/lib/registry/docker/registry/v2 && mkdir -p $(dirname ${PUSHED}) && printf %s 'pushed by a user' > ${PUSHED}`,
  );
  const remove = ['delete', '--masters', ips('h1'), '--yes'];
  const killed = await three.run([...remove, '--log-format', 'json'], { killWhen: stepStarts(`leave-etcd ${ips('h1')}`) });
  assert.equal(killed.status, null, killed.stderr);
  assertWell(await three.run(remove));
  const two = cluster(['h2', 'h3'], ['h4']);
  await readyNodes(two);
  assert.deepEqual(await healthyEtcd(two), ['h2', 'h3']);
  assert.deepEqual(await lastingDifferences(lab, 'h1', untouched.get('h1') ?? []), [], 'the host is as it was before');
  assert.match(
    await two.on(ipOf('h4'), 'curl -s -o /dev/null -w %{http_code} http://sealos.hub:5000/v2/'),
    /401/,
    'the registry has moved',
  );
  assert.equal(await balancedOver(two, 'h4'), [ips('h2'), ips('h3')].sort().join(','));

  const add = ['add', '--masters', ips('h5'), '--nodes', ips('h1')];
  const cut = await two.run([...add, '--log-format', 'json'], { killWhen: stepStarts('join-masters') });
  assert.equal(cut.status, null, cut.stderr);
  assertWell(await two.run(add));
  const again = cluster(['h2', 'h3', 'h5'], ['h4', 'h1']);
  await readyNodes(again);
  assert.deepEqual(await healthyEtcd(again), ['h2', 'h3', 'h5']);
  await assertPodRuns(again, 'on-a-former-master', 'h1');
});

stage('a control plane that is dead is taken out of the books, and comes back as a new one', async () => {
  const three = cluster(['h2', 'h3', 'h5'], ['h4', 'h1']);
  await lab.kill('h2');
  assertWell(await three.run(['delete', '--masters', ips('h2'), '--nodes', ips('h1'), '--yes']));
  const two = cluster(['h3', 'h5'], ['h4']);
  assert.deepEqual(await healthyEtcd(two), ['h3', 'h5']);
  await readyNodes(two);
  await lab.start('h2');
  // It still believes to be of the cluster: that is taken off it first.
  assertWell(await two.run(['add', '--masters', ips('h2')]));
  const back = cluster(['h3', 'h5', 'h2'], ['h4']);
  await readyNodes(back);
  assert.deepEqual(await healthyEtcd(back), ['h2', 'h3', 'h5']);
});

stage('an operator that lost everything adopts the cluster from any control plane, and goes on', async () => {
  const back = cluster(['h3', 'h5', 'h2'], ['h4']);
  renameSync(env.SEALOS_RUNTIME_ROOT, `${env.SEALOS_RUNTIME_ROOT}.lost`);
  mkdirSync(env.SEALOS_RUNTIME_ROOT);
  assertWell(await back.run(['adopt', '--masters', ips('h5')]));
  const again = await back.run(['run', ...images]);
  assert.match(assertWell(again), /nothing was changed/, again.stderr);
  assertWell(await back.run(['add', '--nodes', ips('h1')]));
  await readyNodes(cluster(['h3', 'h5', 'h2'], ['h4', 'h1']));
});

stage('a Clusterfile is applied: what differs is shown, done in a safe order while the API serves, and done once', async () => {
  const before = cluster(['h3', 'h5', 'h2'], ['h4', 'h1']);
  const file = join(work, 'Clusterfile');
  const documents = [
    'apiVersion: kubeadm.k8s.io/v1beta2\nkind: ClusterConfiguration\napiServer:\n  extraArgs:\n    audit-log-maxage: "14"\n',
    'apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nmaxPods: 77\n',
  ];
  const hostGroups = [`{ips: [${ips('h3', 'h5', 'h2').replaceAll(',', ', ')}], roles: [master]}`, `{ips: [${ips('h4')}], roles: [node]}`];
  const head = `apiVersion: apps.sealos.io/v1beta1\nkind: Cluster\nmetadata: {name: default}\nspec:\n  image: [${images.join(', ')}]\n`;
  writeFileSync(file, [...documents, `${head}  hosts: [${hostGroups.join(', ')}]\n`].join('---\n'));
  const plan = await before.run(['plan', '-f', file]);
  assert.match(assertWell(plan), /- .*10\.77\.\d+\.\d+/, 'the host that goes');
  assert.match(plan.stdout, /~? ?.*audit-log-maxage/);
  assert.match(await before.on(ipOf('h3'), 'cat /etc/kubernetes/manifests/kube-apiserver.yaml'), /audit-log-maxage=7/, 'nothing was done');

  const refused = await before.run(['apply', '-f', file]);
  assert.equal(refused.status, 2, 'hosts leave only when that is confirmed');
  assertWell(await before.run(['apply', '-f', file, '--yes']));
  const now = cluster(['h3', 'h5', 'h2'], ['h4']);
  await readyNodes(now);
  for (const { ip } of now.masters) {
    assert.match(await now.on(ip, 'cat /etc/kubernetes/manifests/kube-apiserver.yaml'), /audit-log-maxage=14/);
  }
  for (const { ip } of [...now.masters, ...now.workers]) assert.match(await now.on(ip, 'cat /var/lib/kubelet/config.yaml'), /maxPods: 77/);
  const again = await now.run(['apply', '-f', file, '--yes']);
  assert.match(assertWell(again), /nothing was changed/, again.stderr);
  writeFileSync(
    file,
    [
      'apiVersion: kubeadm.k8s.io/v1beta2\nkind: ClusterConfiguration\nnetworking: {podSubnet: 10.200.0.0/16}\n',
      `${head}  hosts: [${hostGroups.join(', ')}]\n`,
    ].join('---\n'),
  );
  const impossible = await now.run(['apply', '-f', file, '--yes']);
  assert.equal(impossible.status, 2, 'what is decided when a cluster is made is refused');
  assert.match(impossible.stderr, /podSubnet/);
});

stage('hosts that go away while they join are told of, and join when they are back', () =>
  faultsScenario(cluster(['h3', 'h5', 'h2'], ['h4']), { newcomer: { name: 'h1', ip: ipOf('h1') }, lab }),
);

stage(
  'the next version of Kubernetes comes master by master under a client of the virtual address, killed halfway and gone on with',
  async () => {
    const version = await buildNextKubernetes({ storage: env.SEALOS_STORAGE, onLine: log });
    const { kubernetes: from } = imageNames;
    const upgrade = { from, to: nextKubernetes.image, version, workload: 'sealos.local/whoami:1.0', longestGap: 60_000 };
    await upgradeScenario(cluster(['h3', 'h5', 'h2'], ['h4']), upgrade);
  },
);

stage('reset leaves nothing on any host, twice, and a new cluster works there', async () => {
  const all = cluster(['h3', 'h5', 'h2'], ['h4']);
  for (const round of [1, 2]) {
    const killed = await all.run(['reset', '--yes', '--log-format', 'json'], { killWhen: stepStarts('init') });
    assert.equal(killed.status, null, killed.stderr);
    assertWell(await all.run(['reset', '--yes']));
    for (const { name } of hosts) {
      assert.deepEqual(await lastingDifferences(lab, name, untouched.get(name) ?? []), [], `round ${round}: ${name} is as it was before`);
    }
    if (round === 1) assertWell(await all.run(['run', imageNames.kubernetes, '--masters', ips('h1'), '--nodes', ips('h4')]));
  }
});
