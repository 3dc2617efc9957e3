// What an operator sees of a cluster: how it is, when parts of it fail too; what was done; which clusters there are.
import assert from 'node:assert/strict';
import { until } from '../../support/until.ts';
import type { Scenario, ScenarioHost } from './context.ts';

/** Stops every process of a host, and lets them go on: a host that accepts connections and never says anything. */
export interface Freezer {
  freeze(name: string): Promise<void>;
  thaw(name: string): Promise<void>;
}

interface Report {
  readonly hosts: readonly {
    readonly host: string;
    readonly ip: string;
    readonly unreachable?: string;
    readonly services: readonly { readonly name: string; readonly active: string }[];
    readonly certificate?: { readonly end: string };
    readonly api: { readonly members?: readonly string[] };
  }[];
  readonly kubernetes?: { readonly nodes: readonly { readonly ip: string; readonly ready: boolean; readonly version: string }[] };
  readonly etcd?: { readonly healthy: boolean; readonly members: readonly unknown[] };
  readonly registry: { readonly healthy: boolean; readonly repositories?: number };
  readonly applications: readonly { readonly image: string; readonly ranAt?: string }[];
  readonly problems: readonly { readonly host?: string; readonly message: string; readonly hint: string }[];
}

interface Status {
  readonly exit: number | null;
  readonly report: Report;
}

async function status({ run }: Scenario): Promise<Status> {
  const { status: exit, stdout, stderr } = await run(['status', '-o', 'json']);
  assert.match(stdout, /^\{/, stderr);
  return { exit, report: JSON.parse(stdout) };
}

/** Pods that were only just started need their time. */
function statusWithout(scenario: Scenario): Promise<Report> {
  return until('status to find no problem', 180_000, async () => {
    const { exit, report } = await status(scenario);
    assert.deepEqual(report.problems, []);
    assert.equal(exit, 0);
    return report;
  });
}

/** A cluster that is well: everything is shown, nothing is a problem, and no secret is in it. */
async function assertHealthy(scenario: Scenario): Promise<void> {
  const { run, on, masters, workers } = scenario;
  const all = [...masters, ...workers];
  const report = await statusWithout(scenario);
  assert.deepEqual(report.hosts.map(({ ip }) => ip).sort(), all.map(({ ip }) => ip).sort());
  for (const { services, certificate } of report.hosts) {
    assert.ok(services.some(({ name, active }) => name === 'kubelet' && active === 'active'));
    assert.ok(Date.parse(certificate?.end ?? '') > Date.now() + 50 * 365 * 86_400_000, 'certificates last long');
  }
  for (const { ip } of workers) {
    const { api } = report.hosts.find((host) => host.ip === ip) ?? assert.fail(ip);
    if (api.members)
      assert.deepEqual([...api.members].sort(), masters.map((master) => master.ip).sort(), 'every control plane is balanced over');
  }
  assert.ok(report.kubernetes?.nodes.every(({ ready, version }) => ready && version.startsWith('v')));
  assert.equal(report.etcd?.members.length, masters.length);
  assert.ok(report.registry.healthy && (report.registry.repositories ?? 0) > 0);
  assert.ok(report.applications.some(({ ranAt }) => ranAt !== undefined));

  const [master0] = masters;
  const config = await on(master0?.ip ?? '', 'cat /var/lib/sealos/data/*/rootfs/etc/registry.yml');
  const password = /^password: *"?([^"\n]+)/m.exec(config)?.[1] ?? '';
  assert.ok(password.length > 5, 'the registry has a password');
  for (const format of [[], ['-o', 'json'], ['-o', 'yaml']]) {
    const { status: exit, stdout } = await run(['status', ...format]);
    assert.equal(exit, 0, stdout);
    assert.ok(!stdout.includes(password) && !/BEGIN [A-Z ]*KEY|[a-z0-9]{6}\.[a-z0-9]{16}\b/.test(stdout), 'no secret is shown');
    for (const { ip } of all) assert.ok(stdout.includes(ip));
  }
}

/** The host on which something may be broken: the last worker, else the last control plane. */
function victimOf({ masters, workers }: Scenario): ScenarioHost {
  return workers.at(-1) ?? masters.at(-1) ?? assert.fail('the cluster has hosts');
}

async function stoppedKubelet(scenario: Scenario): Promise<void> {
  const { ip } = victimOf(scenario);
  await scenario.on(ip, 'systemctl stop kubelet');
  try {
    const { exit, report } = await status(scenario);
    assert.equal(exit, 1);
    const [problem] = report.problems.filter(({ host, message }) => host === ip && /^kubelet is /.test(message));
    assert.match(problem?.hint ?? '', new RegExp(`--ips ${ip} .*restart kubelet`), 'it says what to try');
  } finally {
    await scenario.on(ip, 'systemctl start kubelet');
  }
}

async function frozenHost(scenario: Scenario, freezer: Freezer): Promise<void> {
  const { ip, name } = victimOf(scenario);
  const others = [...scenario.masters, ...scenario.workers].filter((host) => host.ip !== ip);
  await freezer.freeze(name);
  try {
    const { exit, report } = await status(scenario);
    assert.equal(exit, 1);
    assert.match(report.hosts.find((host) => host.ip === ip)?.unreachable ?? '', /no answer within 10 s/);
    assert.ok(report.problems.some(({ host, message }) => host === ip && /no answer/.test(message)));
    for (const other of others) {
      const shown = report.hosts.find((host) => host.ip === other.ip);
      assert.ok(shown && shown.unreachable === undefined && shown.services.length > 0, `${other.name} is shown all the same`);
    }
    assert.ok((report.kubernetes?.nodes.length ?? 0) > 0, 'Kubernetes is asked through whoever answers');
    const said = await scenario.run(['exec', 'hostname']);
    assert.equal(said.status, 1, 'one host failed');
    for (const other of others) assert.match(said.stdout, new RegExp(`^${other.ip}\t${other.name}$`, 'm'));
    assert.match(said.stderr, new RegExp(`^sealos: ${ip}: `, 'm'));
  } finally {
    await freezer.thaw(name);
  }
}

interface Run {
  readonly name: string;
  readonly command: string;
  readonly outcome: string;
  readonly hosts: readonly string[];
}

async function pastRuns({ run, masters }: Scenario): Promise<void> {
  const listed = await run(['logs', '--list', '-o', 'json']);
  assert.equal(listed.status, 0, listed.stderr);
  const runs: readonly Run[] = JSON.parse(listed.stdout);
  const done = runs.find(({ command, outcome }) => command.startsWith('run') && outcome === 'done');
  assert.ok(done, 'the run that made the cluster is there');
  const shown = await run(['logs', done.name]);
  assert.equal(shown.status, 0, shown.stderr);
  assert.match(shown.stdout, /\d\d:\d\d:\d\d {2}done after /);
  const events = (await run(['logs', done.name, '-o', 'json', '--host', masters[0]?.ip ?? ''])).stdout.trim().split('\n');
  for (const line of events) {
    const event: { readonly kind: string; readonly host?: string } = JSON.parse(line);
    assert.ok(event.kind === 'plan' || event.host === masters[0]?.ip, 'only that host');
  }
  assert.equal((await run(['logs', '999'])).status, 2);
}

async function clusterList({ run, masters, workers }: Scenario): Promise<void> {
  const { status: exit, stdout } = await run(['clusters', '-o', 'json']);
  assert.equal(exit, 0);
  const list: readonly { readonly hosts: readonly { readonly host: string }[] }[] = JSON.parse(stdout);
  const known = [...masters, ...workers].map(({ ip }) => ip).sort();
  assert.ok(list.some(({ hosts }) => JSON.stringify(hosts.map(({ host }) => host).sort()) === JSON.stringify(known)));
}

/** The operator's view, healthy and not. The cluster is as it was afterwards. */
export async function operationsScenario(scenario: Scenario, freezer: Freezer): Promise<void> {
  await assertHealthy(scenario);
  await stoppedKubelet(scenario);
  await frozenHost(scenario, freezer);
  await pastRuns(scenario);
  await clusterList(scenario);
  await statusWithout(scenario);
}
