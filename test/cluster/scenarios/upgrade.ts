// A cluster goes to the next version of Kubernetes: refused where it cannot, cut off in the middle, gone on with, and used all the while.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { imageNames } from '../../../scripts/cluster-images.ts';
import { startApiProbe } from '../../support/api-probe.ts';
import { stepStarts } from '../../support/scenario-cluster.ts';
import { until } from '../../support/until.ts';
import type { Scenario } from './context.ts';

export interface UpgradeScenarioOptions {
  /** Image of the version before, and of the one that the cluster is upgraded to. */
  readonly from: string;
  readonly to: string;
  /** `v1.20.3` */
  readonly version: string;
  /** Container image of a small server, which the cluster's registry has. */
  readonly workload: string;
  /** Milliseconds that the API may be away for one client at the most. */
  readonly longestGap: number;
}

const VIP = 'https://10.103.97.2:6443';
const NAME = 'upgrade-web';

/** Disruption budgets lost their first version in 1.25, and have had the second since 1.21. */
const policy = (version: string) => (Number(/^v1\.(\d+)/.exec(version)?.[1]) >= 22 ? 'policy/v1' : 'policy/v1beta1');

const workload = (image: string, version: string) => `apiVersion: apps/v1
kind: Deployment
metadata: {name: ${NAME}}
spec:
  replicas: 2
  selector: {matchLabels: {app: ${NAME}}}
  template:
    metadata: {labels: {app: ${NAME}}}
    spec:
      tolerations: [{operator: Exists}]
      containers: [{name: web, image: "${image}"}]
---
apiVersion: ${policy(version)}
kind: PodDisruptionBudget
metadata: {name: ${NAME}}
spec: {minAvailable: 1, selector: {matchLabels: {app: ${NAME}}}}
`;

async function nodes({ kubectl }: Scenario): Promise<readonly (readonly string[])[]> {
  const fields = '{.metadata.name} {.status.nodeInfo.kubeletVersion} {.status.conditions[?(@.type=="Ready")].status} {.spec.unschedulable}';
  const text = await kubectl(['get', 'nodes', '-o', `jsonpath={range .items[*]}${fields}{"\\n"}{end}`]);
  return text
    .trim()
    .split('\n')
    .map((line) => line.trim().split(' '));
}

/** Every node is ready with the version, and takes pods. */
async function assertAllNodes(scenario: Scenario, version: string): Promise<void> {
  const all = await nodes(scenario);
  assert.equal(all.length, scenario.masters.length + scenario.workers.length);
  for (const [name, kubelet, ready, unschedulable] of all) {
    assert.deepEqual([kubelet, ready, unschedulable], [version, 'True', undefined], `node ${name}`);
  }
}

async function assertControlPlanes({ kubectl, masters }: Scenario, version: string): Promise<void> {
  for (const component of ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kube-proxy']) {
    const label = component === 'kube-proxy' ? `k8s-app=${component}` : `component=${component}`;
    const text = await kubectl(['-n', 'kube-system', 'get', 'pods', '-l', label, '-o', 'jsonpath={.items[*].spec.containers[0].image}']);
    const images = text.trim().split(' ');
    assert.ok(images.length >= masters.length);
    for (const image of images) assert.ok(image.endsWith(`${component}:${version}`), image);
  }
}

async function refused({ run }: Scenario, args: readonly string[], says: RegExp): Promise<void> {
  const { status, stderr } = await run(args);
  assert.equal(status, 2, stderr);
  assert.match(stderr, says);
}

/** An image of a version that leaves one out is refused, with nothing changed. */
async function refuseSkippedMinor(scenario: Scenario, version: string): Promise<void> {
  const context = mkdtempSync(join(tmpdir(), 'sealos-upgrade-'));
  const [, major, minor] = /^v(\d+)\.(\d+)\./.exec(version) ?? [];
  const far = `v${major}.${Number(minor) + 2}.0`;
  const image = `localhost/kubernetes:${far}`;
  try {
    const labels = `sealos.io.type=rootfs sealos.io.version=v1beta1 sealos.io.distribution=kubernetes version=${far}`;
    writeFileSync(join(context, 'Kubefile'), `FROM scratch\nLABEL ${labels}\nCOPY Kubefile .\n`);
    const built = await scenario.run(['build', '-q', '-t', image, context]);
    assert.equal(built.status, 0, built.stderr);
    await refused(scenario, ['run', image], /no minor version can be left out/);
  } finally {
    rmSync(context, { recursive: true, force: true });
    await scenario.run(['rmi', image]);
  }
}

/** What hosts would show of an upgrade that is on its way, or of what it leaves. */
async function traces({ on, masters, workers }: Scenario): Promise<string> {
  const command = 'ls -d /var/lib/sealos/data/*/rootfs.* /var/lib/sealos/data/*/.sealos/upgrading-* 2>/dev/null || true';
  const found = await Promise.all([...masters, ...workers].map(({ ip }) => on(ip, command)));
  return found.join('').trim();
}

export async function upgradeScenario(scenario: Scenario, options: UpgradeScenarioOptions): Promise<void> {
  const { run, kubectl, on, masters, workers } = scenario;
  const { to, version } = options;
  const [worker] = workers;
  const last = masters.at(-1);
  assert.ok(worker && last);
  const before = await until('every node to be ready', 180_000, async () => {
    const all = await nodes(scenario);
    return all.every(([, , ready]) => ready === 'True') ? all : undefined;
  });

  await on(masters[0]?.ip ?? '', `kubectl apply -f - <<'YAML'\n${workload(options.workload, version)}YAML`);
  await kubectl(['rollout', 'status', `deployment/${NAME}`, '--timeout=180s']);

  await refuseSkippedMinor(scenario, version);
  const dry = await run(['run', to, '--dry-run']);
  assert.equal(dry.status, 0, dry.stderr);
  for (const { ip } of [...masters, ...workers])
    assert.match(dry.stdout, new RegExp(`kubeadm upgrade on ${ip.replaceAll('.', '\\.')}: would`));
  assert.deepEqual(await nodes(scenario), before);
  assert.equal(await traces(scenario), '', 'neither what is refused nor a dry run leaves anything');

  const stop = await startApiProbe(scenario, worker, VIP);
  const killed = await run(['run', to, '--log-format', 'json'], { killWhen: stepStarts(`node ${last.ip}`) });
  assert.equal(killed.status, null, killed.stderr);
  await refused(
    scenario,
    ['run', imageNames.whoami],
    new RegExp(`upgrade of this cluster to Kubernetes ${version} was begun and is not finished`),
  );
  const ended = await run(['run', to]);
  assert.equal(ended.status, 0, ended.stderr);
  const probe = await stop();
  console.log(
    `# a client on ${worker.name} over the upgrade: ${probe.requests} requests, ${probe.failures} without an answer, the longest gap ${probe.longestGap} ms`,
  );

  await assertAllNodes(scenario, version);
  await assertControlPlanes(scenario, version);
  assert.ok(probe.kept, 'what the API took was kept');
  assert.ok(probe.longestGap < options.longestGap, `the API was away for ${probe.longestGap} ms`);
  await kubectl(['rollout', 'status', `deployment/${NAME}`, '--timeout=180s']);
  await until('every pod to run', 180_000, async () => {
    const pods = (await kubectl(['get', 'pods', '-A', '--no-headers'])).trim().split('\n');
    return pods.every((line) => / (Running|Completed) /.test(line)) ? true : undefined;
  });
  assert.equal(await traces(scenario), '', 'nothing of the old version is left on a host');

  const again = await run(['run', to]);
  assert.equal(again.status, 0, again.stderr);
  assert.match(again.stdout, /nothing was changed/);
  await refused(scenario, ['run', options.from], /Kubernetes does not go back/);
  await kubectl(['delete', 'deployment,poddisruptionbudget', NAME]);
}
