// Certificates of a running cluster on any number of control planes: names added, one-year leafs of kubeadm repaired, everything renewed
// while a client asks, and a renewal that is killed and goes on.
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ClusterCertificates } from '@sealos/runtime';
import { run as runProgram } from '../../support/programs.ts';
import { stepStarts } from '../../support/scenario-cluster.ts';
import { until } from '../../support/until.ts';
import type { Ended, Scenario, ScenarioHost } from './context.ts';

const DNS_NAME = 'certificates.example.org';
const ADDRESS = '192.0.2.77';
const POLL_STOP = '/run/sealos-certificates-scenario';

/** What a client saw that asked the API every 100 ms. */
interface Polled {
  readonly requests: number;
  readonly failures: number;
  readonly failuresInARow: number;
  /** Between two answers. */
  readonly longestGapSeconds: number;
}

const log = (line: string) => console.log(`# ${line}`);

function assertWell({ status, stdout, stderr }: Ended): string {
  assert.equal(status, 0, stderr);
  return stdout;
}

async function certificates({ run }: Scenario, ...flags: readonly string[]): Promise<ClusterCertificates> {
  const { stdout, stderr } = await run(['cert', '-o', 'json', ...flags]);
  assert.notEqual(stdout, '', stderr);
  return JSON.parse(stdout);
}

/** Serial number of what an API server shows a stranger now. */
async function shownSerial({ ip }: ScenarioHost): Promise<string> {
  const stdout = await runProgram('bash', [
    '-c',
    `openssl s_client -connect ${ip}:6443 </dev/null 2>/dev/null | openssl x509 -noout -serial`,
  ]);
  assert.match(stdout, /^serial=[0-9A-F]+\n$/);
  return stdout.trim();
}

async function serialOnHost({ on }: Scenario, { ip }: ScenarioHost, path: string): Promise<string> {
  return new X509Certificate(await on(ip, `cat ${path}`)).serialNumber;
}

/** openssl, as a client that asks for a name and trusts the cluster's authority alone. */
async function assertServes({ ip }: ScenarioHost, name: string, caFile: string): Promise<void> {
  const check = /^[\d.]+$/.test(name) ? '-verify_ip' : '-verify_hostname';
  const command = `openssl s_client -connect ${ip}:6443 -CAfile ${caFile} ${check} ${name} -verify_return_error </dev/null 2>&1`;
  const stdout = await runProgram('bash', ['-c', command]);
  assert.match(stdout, /Verify return code: 0 \(ok\)/, `${ip} serves ${name}`);
}

/** Asks the API from a worker (through the virtual address) or a lone control plane until it is told to stop. */
async function whilePolling<T>({ on, masters, workers }: Scenario, work: () => Promise<T>): Promise<{ polled: Polled; result: T }> {
  const from = workers[0] ?? masters[0];
  assert.ok(from);
  await on(from.ip, `rm -f ${POLL_STOP}`);
  const polling = on(
    from.ip,
    `until [ -e ${POLL_STOP} ]; do
       if curl -sf --max-time 2 --cacert /etc/kubernetes/pki/ca.crt https://apiserver.cluster.local:6443/readyz >/dev/null; then r=ok; else r=failed; fi
       echo "$(date +%s.%N) $r"; sleep 0.1
     done; rm -f ${POLL_STOP}`,
  );
  try {
    const result = await work();
    await on(from.ip, `touch ${POLL_STOP}`);
    return { polled: readPolled(await polling), result };
  } catch (error) {
    await on(from.ip, `touch ${POLL_STOP}`);
    await polling.catch(() => {});
    throw error;
  }
}

function readPolled(text: string): Polled {
  const answers = text
    .trim()
    .split('\n')
    .map((line) => line.split(' '));
  let [failures, row, failuresInARow, longestGapSeconds] = [0, 0, 0, 0];
  let last = Number(answers[0]?.[0]);
  for (const [at, result] of answers) {
    if (result === 'ok') {
      longestGapSeconds = Math.max(longestGapSeconds, Number(at) - last);
      last = Number(at);
      row = 0;
    } else {
      failures += 1;
      row += 1;
      failuresInARow = Math.max(failuresInARow, row);
    }
  }
  return { requests: answers.length, failures, failuresInARow, longestGapSeconds: Math.round(longestGapSeconds * 100) / 100 };
}

async function namesAreAdded(scenario: Scenario, caFile: string): Promise<void> {
  const { run, kubectl, masters } = scenario;
  const add = () => run(['cert', '--alt-names', `${DNS_NAME},${ADDRESS}`, '--alt-names', DNS_NAME]);
  const { polled, result } = await whilePolling(scenario, add);
  assertWell(result);
  log(`names added: ${JSON.stringify(polled)}`);
  assert.ok(polled.failuresInARow <= 1, `at most one failure in a row: ${JSON.stringify(polled)}`);
  for (const master of masters) for (const name of [DNS_NAME, ADDRESS, master.ip, 'kubernetes']) await assertServes(master, name, caFile);
  const config = await kubectl(['-n', 'kube-system', 'get', 'configmap', 'kubeadm-config', '-o', 'jsonpath={.data.ClusterConfiguration}']);
  assert.ok(config.includes(`- ${DNS_NAME}\n`) && config.includes(`- ${ADDRESS}\n`), 'kubeadm knows the names');
  const serials = await Promise.all(masters.map(shownSerial));
  assert.match(assertWell(await add()), /already: nothing was changed/);
  assert.deepEqual(await Promise.all(masters.map(shownSerial)), serials, 'a second call makes no certificate');
  assert.equal((await run(['cert', '--alt-names', 'https://x'])).status, 2);
}

/** kubeadm puts leafs of one year in place of those of a hundred, as an upgrade of old versions does. */
async function kubeadmShortens(scenario: Scenario): Promise<void> {
  const { run, on, masters } = scenario;
  const [first] = masters;
  assert.ok(first);
  await on(first.ip, 'kubeadm certs renew all >/dev/null 2>&1 || kubeadm alpha certs renew all >/dev/null');
  const short = (await certificates(scenario, '--within', '366d')).certificates.filter(({ problems }) => problems.length > 0);
  const names = new Set<string | undefined>(short.map(({ renew }) => renew));
  for (const name of ['apiserver', 'etcd-server', 'etcd-peer', 'front-proxy-client', 'admin.conf', 'scheduler.conf'])
    assert.ok(names.has(name), `${name} is told`);
  assert.ok(
    short.every(({ host, problems }) => host === first.ip && /^ends in 36\d days$/.test(problems.join())),
    'and nothing else is',
  );
  assert.equal((await run(['cert', '--check', '--within', '366d'])).status, 1);
  assert.equal((await run(['cert', '--check'])).status, 0);
}

async function everythingIsRenewed(scenario: Scenario): Promise<void> {
  const { run, masters } = scenario;
  const before = await Promise.all(masters.map(shownSerial));
  const etcdSerials = () => Promise.all(masters.map((master) => serialOnHost(scenario, master, '/etc/kubernetes/pki/etcd/server.crt')));
  const old = await etcdSerials();
  const { polled } = await whilePolling(scenario, async () => {
    const killed = await run(['cert', '--renew', 'all', '--log-format', 'json'], {
      killWhen: stepStarts('cert-kube-controller-manager'),
    });
    assert.equal(killed.status, null, 'it was killed half way');
    const half = await etcdSerials();
    for (const [index, serial] of half.entries()) assert.notEqual(serial, old[index]);
    assertWell(await run(['cert', '--renew', 'all']));
    assert.deepEqual(await etcdSerials(), half, 'what the killed call had made is kept');
  });
  log(`everything renewed, killed once: ${JSON.stringify(polled)}`);
  assert.ok(polled.failuresInARow <= 1, `at most one failure in a row: ${JSON.stringify(polled)}`);
  const after = await Promise.all(masters.map(shownSerial));
  for (const [index, serial] of after.entries()) assert.notEqual(serial, before[index], 'each API server shows a new certificate');
}

/** Independent programs find all of it right, and the cluster works with it. */
async function assertRenewed(scenario: Scenario, caFile: string): Promise<void> {
  const { kubectl, on, masters, run, workers } = scenario;
  const report = await certificates(scenario);
  assert.ok(report.healthy, JSON.stringify(report.certificates.filter(({ problems }) => problems.length > 0)));
  assert.deepEqual(
    new Set(report.certificates.map(({ host }) => host)),
    new Set(['operator', ...masters.map(({ ip }) => ip), ...workers.map(({ ip }) => ip)]),
  );
  for (const master of masters) {
    const residual = await on(master.ip, 'kubeadm certs check-expiration 2>&1');
    assert.ok(!/\b\d+d\b/.test(residual) && !residual.includes('Error'), `kubeadm sees a hundred years everywhere:\n${residual}`);
    await assertServes(master, DNS_NAME, caFile);
    await on(master.ip, 'cmp /etc/kubernetes/admin.conf ~/.kube/config');
    const pki = '/etc/kubernetes/pki';
    await on(
      master.ip,
      `openssl verify -x509_strict -CAfile ${pki}/ca.crt ${pki}/apiserver.crt ${pki}/apiserver-kubelet-client.crt /var/lib/kubelet/pki/kubelet-client-current.pem`,
    );
    await on(
      master.ip,
      `openssl verify -x509_strict -CAfile ${pki}/etcd/ca.crt ${pki}/etcd/server.crt ${pki}/etcd/peer.crt ${pki}/apiserver-etcd-client.crt`,
    );
  }
  const namespace = 'certificates-scenario';
  await kubectl(['create', 'namespace', namespace]);
  await until('the controller manager to work', 120_000, () => kubectl(['-n', namespace, 'get', 'serviceaccount', 'default']));
  await kubectl(['delete', 'namespace', namespace, '--wait=false']);
  await until('every node to be ready', 180_000, async () => {
    const nodes = (await kubectl(['get', 'nodes', '--no-headers'])).trim().split('\n');
    return nodes.every((line) => / Ready /.test(line)) ? true : undefined;
  });
  // The API server speaks with kubelets by its renewed client certificate.
  const pod = `kube-scheduler-${masters[0]?.name}`;
  await until('logs to come through the API', 60_000, () => kubectl(['-n', 'kube-system', 'logs', pod, '--tail=1']));
  assert.equal((await run(['cert', '--renew', 'ca'])).status, 2, 'authorities are not renewed so');
}

/** Carries the scenario out; the cluster is as well afterwards as before, with two more names. */
export async function certificatesScenario(scenario: Scenario): Promise<void> {
  const [first] = scenario.masters;
  assert.ok(first);
  const work = mkdtempSync(join(tmpdir(), 'sealos-certificates-'));
  try {
    const caFile = join(work, 'ca.crt');
    writeFileSync(caFile, await scenario.on(first.ip, 'cat /etc/kubernetes/pki/ca.crt'));
    const report = await certificates(scenario);
    assert.ok(report.healthy, JSON.stringify(report.certificates.filter(({ problems }) => problems.length > 0)));
    await namesAreAdded(scenario, caFile);
    await kubeadmShortens(scenario);
    await everythingIsRenewed(scenario);
    await assertRenewed(scenario, caFile);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
