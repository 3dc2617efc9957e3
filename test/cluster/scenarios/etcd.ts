// The life of a cluster's data: saved, destroyed, brought back, on any number of control planes; saved by the hosts themselves.
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { etcdctlProgram } from '../../support/etcd.ts';
import { type FakeS3Options, startFakeS3 } from '../../support/fake-s3.ts';
import { run as runProgram } from '../../support/programs.ts';
import { until } from '../../support/until.ts';
import type { Scenario } from './context.ts';

const NAMESPACE = 'etcd-scenario';
const THINGS = 20;

interface Health {
  readonly healthy: boolean;
  readonly members: readonly { readonly endpoint: string; readonly isLeader: boolean }[];
}

async function succeed({ run }: Scenario, ...args: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await run(args);
  assert.equal(status, 0, `sealos ${args.join(' ')}: ${stderr}`);
  return stdout;
}

async function healthOf(scenario: Scenario): Promise<Health> {
  const { stdout, stderr } = await scenario.run(['etcd', 'health', '-o', 'json']);
  assert.notEqual(stdout, '', stderr);
  return JSON.parse(stdout);
}

/** All members well, as many as there are masters. */
async function assertHealthy(scenario: Scenario): Promise<Health> {
  return until('etcd to be well on every master', 120_000, async () => {
    const health = await healthOf(scenario);
    return health.healthy && health.members.length === scenario.masters.length ? health : undefined;
  });
}

async function makeThings({ kubectl }: Scenario): Promise<void> {
  await kubectl(['create', 'namespace', NAMESPACE]);
  for (let index = 0; index < THINGS; index += 1) {
    await kubectl(['-n', NAMESPACE, 'create', 'configmap', `thing-${index}`, `--from-literal=number=${index}`]);
  }
}

/** The things are there, and the cluster takes changes: a pod's worth of machinery (controllers, scheduler, kubelets) is seen to work. */
async function assertThingsBack({ kubectl }: Scenario): Promise<void> {
  for (const index of [0, THINGS - 1]) {
    assert.equal(await kubectl(['-n', NAMESPACE, 'get', 'configmap', `thing-${index}`, '-o', 'jsonpath={.data.number}']), String(index));
  }
  await until('controllers to act again: a new namespace gets its service account', 120_000, async () => {
    await kubectl(['create', 'namespace', `${NAMESPACE}-after`]).catch(() => {});
    await kubectl(['-n', `${NAMESPACE}-after`, 'get', 'serviceaccount', 'default']);
    return true;
  });
  await kubectl(['delete', 'namespace', `${NAMESPACE}-after`, '--wait=false']);
  await until('every node to be ready', 180_000, async () => {
    const nodes = (await kubectl(['get', 'nodes', '--no-headers'])).trim().split('\n');
    return nodes.every((line) => / Ready /.test(line)) ? true : undefined;
  });
}

async function backupTo(scenario: Scenario, path: string): Promise<void> {
  await succeed(scenario, 'etcd', 'backup', '-o', path);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  const status: { readonly totalKey: number } = JSON.parse(
    await runProgram(etcdctlProgram(), ['snapshot', 'status', path, '-w', 'json'], { ETCDCTL_API: '3' }),
  );
  assert.ok(status.totalKey > THINGS, 'etcdctl reads the backup');
}

/** A damaged file is refused before anything is stopped. */
async function refuseDamaged(scenario: Scenario, backup: string, work: string): Promise<void> {
  const content = readFileSync(backup);
  content.writeUInt8((content[content.length >> 1] ?? 0) ^ 1, content.length >> 1);
  const damaged = join(work, 'damaged.db');
  writeFileSync(damaged, content);
  const { status, stderr } = await scenario.run(['etcd', 'restore', damaged, '--yes']);
  assert.equal(status, 2);
  assert.match(stderr, /is damaged/);
  assert.equal(await scenario.kubectl(['get', '--raw', '/readyz']), 'ok');
}

/** Killed at that step (SIGKILL), and begun again. */
async function restoreKilledAt(scenario: Scenario, backup: string, step: string): Promise<void> {
  const begins = (line: string) => line.includes('"step-started"') && line.includes(`"step":"${step}"`);
  const { status } = await scenario.run(['etcd', 'restore', backup, '--yes', '--log-format', 'json'], { killWhen: begins });
  assert.equal(status, null, `the restore was killed when '${step}' began`);
  await succeed(scenario, 'etcd', 'restore', backup, '--yes');
}

/** The data is gone from every disk, and etcd with it: no API answers, or one that knows nothing. */
async function destroyData({ masters, on, kubectl }: Scenario): Promise<void> {
  for (const { ip } of masters) {
    await on(ip, 'rm -rf /var/lib/etcd/member; kill -KILL $(pidof etcd)');
  }
  const things = await kubectl(['-n', NAMESPACE, 'get', 'configmap', 'thing-0', '--request-timeout=2s', '-o', 'name']).catch(() => 'gone');
  assert.equal(things, 'gone');
}

/** The timer's service on every master makes one backup, on the leader's host alone, keeps so many, and uploads it. */
async function scheduled(scenario: Scenario, work: string): Promise<void> {
  const leader = (await assertHealthy(scenario)).members.find(({ isLeader }) => isLeader)?.endpoint;
  await succeed(scenario, 'etcd', 'schedule', '--every', '6h', '--keep', '2');
  assert.match(await succeed(scenario, 'etcd', 'schedule', '--every', '6h', '--keep', '2'), /on/);
  for (let index = 0; index < 3; index += 1) await succeed(scenario, 'etcd', 'schedule', '--now');
  interface State {
    readonly host: string;
    readonly on: boolean;
    readonly backups: number;
    readonly newest: string;
  }
  const states: readonly State[] = JSON.parse(await succeed(scenario, 'etcd', 'schedule', '-o', 'json'));
  assert.equal(states.length, scenario.masters.length);
  for (const { host, on, backups } of states) {
    assert.equal(on, true);
    assert.equal(backups, host === leader ? 2 : 0, `only ${leader} leads`);
  }
  const newest = states.find(({ host }) => host === leader)?.newest ?? '';
  const copy = join(work, 'from-host.db');
  writeFileSync(copy, Buffer.from(await scenario.on(leader ?? '', `base64 -w0 ${newest}`), 'base64'));
  await runProgram(etcdctlProgram(), ['snapshot', 'status', copy], { ETCDCTL_API: '3' });
  await succeed(scenario, 'etcd', 'schedule', '--off');
  for (const { ip } of scenario.masters) {
    assert.equal(await scenario.on(ip, 'ls -d /etc/systemd/system/sealos-etcd* /usr/local/sbin/sealos-etcd* 2>/dev/null || true'), '');
  }
}

const account = { bucket: 'backups', accessKeyId: 'AKID', secretAccessKey: 'a secret', region: 'us-east-1' } satisfies FakeS3Options;

/** Into the storage and back from there, old ones removed: ours alone. */
async function throughStorage(scenario: Scenario): Promise<void> {
  await using fake = await startFakeS3(account);
  fake.objects.set('etcd/another.db', Buffer.alloc(1));
  const s3 = ['--s3-endpoint', fake.endpoint];
  const env = { AWS_ACCESS_KEY_ID: account.accessKeyId, AWS_SECRET_ACCESS_KEY: account.secretAccessKey };
  for (const [index, keep] of [2, 2, 2].entries()) {
    // A name says the second.
    await until('the next second', 5000, async () => (Date.now() % 1000 > 500 || index === 0 ? true : undefined));
    const { status, stderr } = await scenario.run(['etcd', 'backup', '--s3', 's3://backups/etcd', '--keep', String(keep), ...s3], { env });
    assert.equal(status, 0, stderr);
  }
  const keys = [...fake.objects.keys()].filter((key) => key !== 'etcd/another.db').sort();
  assert.ok(keys.length >= 1 && keys.length <= 2, keys.join());
  assert.ok(fake.objects.has('etcd/another.db'), 'what is not ours stays');
  const restore = ['etcd', 'restore', `s3://backups/${keys.at(-1)}`, '--dry-run', ...s3];
  const { status, stdout, stderr } = await scenario.run(restore, { env });
  assert.equal(status, 0, stderr);
  assert.match(stdout, /would stop the API server and etcd/);
}

/**
 * Backup, destruction, restore; a restore that is killed in its middle and repeated; the hosts' own schedule; the storage. The cluster is
 * as healthy afterwards as before.
 */
export async function etcdScenario(scenario: Scenario): Promise<void> {
  const { kubectl } = scenario;
  const work = mkdtempSync(join(tmpdir(), 'sealos-etcd-scenario-'));
  const backup = join(work, 'backup.db');
  try {
    await assertHealthy(scenario);
    await makeThings(scenario);
    await backupTo(scenario, backup);
    await refuseDamaged(scenario, backup, work);
    const plan = await succeed(scenario, 'etcd', 'restore', backup, '--dry-run');
    assert.match(plan, /would stop the API server and etcd/);

    await kubectl(['delete', 'namespace', NAMESPACE]);
    await succeed(scenario, 'etcd', 'restore', backup, '--yes');
    await assertThingsBack(scenario);
    await assertHealthy(scenario);

    await kubectl(['delete', 'namespace', NAMESPACE]);
    await restoreKilledAt(scenario, backup, 'etcd-stop');
    await assertThingsBack(scenario);
    await destroyData(scenario);
    await restoreKilledAt(scenario, backup, 'etcd-place');
    await assertThingsBack(scenario);
    await destroyData(scenario);
    await restoreKilledAt(scenario, backup, 'api-start');
    await assertThingsBack(scenario);
    await assertHealthy(scenario);
    for (const { ip } of scenario.masters) {
      const left = await scenario.on(
        ip,
        'ls -d /var/lib/etcd.restored-* /var/lib/etcd/restored-* /var/lib/sealos/etcd-restore 2>/dev/null || true',
      );
      assert.equal(left, '', 'a restore leaves nothing but the data of before');
    }

    await scheduled(scenario, work);
    await throughStorage(scenario);
    assert.deepEqual(
      readdirSync(work).filter((name) => name.startsWith('.')),
      [],
    );
    await kubectl(['delete', 'namespace', NAMESPACE]);
  } finally {
    for (const { ip } of scenario.masters) await scenario.on(ip, 'rm -rf /var/lib/etcd.before-restore-* /var/lib/sealos/etcd-backups');
    rmSync(work, { recursive: true, force: true });
  }
}
