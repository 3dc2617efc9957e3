// A cluster whose hosts are known by IPv6 addresses alone: SSH, etcd, certificates, the API's address, pods and services are all of IPv6.
// Then one on the same hosts with networks of both families.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type LabHost, openLab } from '@sealos/lab';
import { buildClusterImages, imageNames, runProgram } from '../../scripts/cluster-images.ts';
import { type HostState, hostState, lastingDifferences } from '../support/host-state.ts';
import { runOperator } from '../support/scenario-cluster.ts';
import { until } from '../support/until.ts';

const VIP = 'fd00:10:103:97::2';
const lab = openLab({ name: 'test-ipv6' });
const work = mkdtempSync(join(tmpdir(), 'sealos-ipv6-'));
const env = { SEALOS_STORAGE: join(work, 'store'), SEALOS_RUNTIME_ROOT: join(work, 'state') };
const log = (line: string) => console.log(`# ${line}`);
const silent = { onLine: () => {} };

let hosts: readonly LabHost[] = [];
const untouched = new Map<string, HostState>();

const on = async (host: string, command: string) => runProgram(await lab.ssh(host, [command]), silent);
const kubectl = (command: string) => on('h1', `kubectl ${command}`);
const block = ({ ip }: LabHost) => `fd77:77:77:${1 + Number(ip.split('.')[2])}:`;
/** The host's IPv6 address, made of its IPv4 address. */
const address = (host: LabHost) => `${block(host)}:${host.ip.split('.')[3]}`;

async function operator(...args: readonly string[]): Promise<string> {
  const login = ['-i', hosts[0]?.sshKey ?? '', '--known-hosts', join(work, 'known_hosts')];
  const { status, stdout, stderr } = await runOperator(args, login, env);
  assert.equal(status, 0, stderr);
  return stdout;
}

before(async () => {
  mkdirSync(env.SEALOS_RUNTIME_ROOT, { recursive: true });
  await buildClusterImages({ storage: env.SEALOS_STORAGE, onLine: log });
  hosts = await lab.up({ count: 2 });
  const [first] = hosts;
  assert.ok(first);
  const route: readonly { readonly dev: string }[] = JSON.parse(await runProgram(['ip', '-json', 'route', 'get', first.ip], silent));
  await runProgram(['ip', 'address', 'add', `${block(first)}:1/64`, 'dev', route[0]?.dev ?? '', 'nodad'], silent);
  for (const host of hosts) {
    await on(host.name, `ip address add ${address(host)}/64 dev host0 nodad && ip -6 route add default via ${block(host)}:1 dev host0`);
    untouched.set(host.name, await hostState(lab, host.name));
  }
});

after(async () => {
  await lab.down();
  rmSync(work, { recursive: true, force: true });
});

test('a control plane and a worker with IPv6 addresses become a cluster whose pods and services have such addresses', async () => {
  const [master, worker] = hosts.map(address);
  const images = [imageNames.kubernetes, imageNames.hostgw, imageNames.whoami];
  await operator('run', ...images, '--masters', master ?? '', '--nodes', worker ?? '');
  const nodes = await until('both nodes to be ready', 180_000, async () => {
    const text = await kubectl('get nodes -o wide --no-headers');
    return text.match(/ Ready /g)?.length === 2 ? text : undefined;
  });
  for (const ip of [master, worker]) assert.ok(nodes.includes(` ${ip} `), nodes);
  await kubectl('rollout status daemonset/whoami --timeout=180s');
  const format = '{range .items[*]}{.metadata.name} {.status.podIP}{"\\n"}{end}';
  const pods = (await kubectl(`get pods -l app=whoami -o 'jsonpath=${format}'`))
    .trim()
    .split('\n')
    .map((line) => line.split(' '));
  assert.equal(pods.length, 2);
  for (const [from, to] of [pods, [...pods].reverse()]) {
    assert.match(to?.[1] ?? '', /^fd00:100:64:/);
    const answer = await until('a pod to reach the other', 60_000, () =>
      on('h1', `curl -sSf --max-time 5 'http://[${from?.[1]}]:8080/peer?url=http://[${to?.[1]}]:8080/'`),
    );
    assert.match(answer, new RegExp(to?.[0] ?? '-'), 'the answer names the other pod');
  }
  assert.match(await kubectl('get service kubernetes -o jsonpath={.spec.clusterIP}'), /^fd00:10:96::/);
});

test('the worker finds the API at a virtual address of IPv6, and etcd is asked over it', async () => {
  const [master] = hosts.map(address);
  assert.match(await on('h2', 'getent ahostsv6 apiserver.cluster.local'), new RegExp(`^${VIP} `));
  assert.equal(await on('h2', 'curl -sk --max-time 5 https://apiserver.cluster.local:6443/healthz'), 'ok');
  assert.match(await on('h2', 'nft list table ip6 sealos_api'), new RegExp(`dnat to numgen inc mod 1 map .*${master}`));
  const guard = await until('the guard to have asked the API', 60_000, async () => {
    const text = await kubectl('-n kube-system logs kube-sealos-lvscare-h2');
    return / is well/.test(text) ? text : undefined;
  });
  assert.ok(guard.includes(`[${master}]:6443 is well`), guard);
  const health: { readonly healthy: boolean } = JSON.parse(await operator('etcd', 'health', '-o', 'json'));
  assert.equal(health.healthy, true);
});

async function resetAndCompare(): Promise<void> {
  await operator('reset', '--yes');
  for (const { name } of hosts) assert.deepEqual(await lastingDifferences(lab, name, untouched.get(name) ?? []), []);
}

test('reset leaves the hosts as they were', resetAndCompare);

const SERVICE = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'both' },
  spec: { ipFamilyPolicy: 'RequireDualStack', selector: { app: 'whoami' }, ports: [{ port: 80, targetPort: 8080 }] },
};

test('with networks of both families, nodes, pods and services have an address of each and are reached by both', async () => {
  const [master, worker] = hosts;
  const file = join(work, 'Clusterfile');
  writeFileSync(
    file,
    `apiVersion: apps.sealos.io/v1beta1
kind: Cluster
metadata: {name: default}
spec:
  image: [${imageNames.kubernetes}, ${imageNames.hostgw}, ${imageNames.whoami}]
  hosts:
    - {ips: [${master?.ip}], roles: [master, amd64]}
    - {ips: [${worker?.ip}], roles: [node, amd64]}
---
apiVersion: kubeadm.k8s.io/v1beta2
kind: ClusterConfiguration
networking: {podSubnet: "10.160.0.0/12,fd00:160::/48", serviceSubnet: "10.96.0.0/16,fd00:96::/112"}
`,
  );
  await operator('apply', '-f', file);
  await until('both nodes to be ready', 180_000, async () => {
    const text = await kubectl('get nodes --no-headers');
    return text.match(/ Ready /g)?.length === 2 ? text : undefined;
  });
  for (const host of hosts) {
    const format = '{.status.addresses[?(@.type=="InternalIP")].address}';
    assert.equal(await kubectl(`get node ${host.name} -o 'jsonpath=${format}'`), `${host.ip} ${address(host)}`);
  }
  await kubectl('rollout status daemonset/whoami --timeout=180s');
  const format = '{range .items[*]}{.metadata.name} {.spec.nodeName} {.status.podIPs[*].ip}{"\\n"}{end}';
  const pods = (await kubectl(`get pods -l app=whoami -o 'jsonpath=${format}'`))
    .trim()
    .split('\n')
    .map((line) => line.split(' '));
  await on('h1', `kubectl apply -f - <<'E'\n${JSON.stringify(SERVICE)}\nE\n`);
  const services = (await kubectl(`get service both -o 'jsonpath={.spec.clusterIPs[*]}'`)).split(' ');
  assert.match(services.join(' '), /^10\.96\.\S+ fd00:96::\S+$/);
  assert.equal(pods.length, 2);
  for (const [name = '', node = '', four = '', six = ''] of pods) {
    assert.match(`${four} ${six}`, /^10\.1[67]\d\.\S+ fd00:160:\S+$/);
    const other = node === 'h1' ? 'h2' : 'h1';
    for (const ip of [four, `[${six}]`]) {
      const answer = await until(`${name} to answer at ${ip}`, 60_000, () => on(other, `curl -sSf --max-time 5 'http://${ip}:8080/'`));
      assert.match(answer, new RegExp(name));
    }
  }
  for (const one of services) {
    const ip = one.includes(':') ? `[${one}]` : one;
    const answer = await until(`the service to answer at ${ip}`, 60_000, () => on('h2', `curl -sSf --max-time 5 'http://${ip}/'`));
    assert.ok(
      pods.some(([name = '-']) => answer.includes(name)),
      answer,
    );
  }
});

test('reset leaves nothing of either family', resetAndCompare);
