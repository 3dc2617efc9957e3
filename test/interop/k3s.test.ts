// A cluster of k3s from an image in the manner of the published ones: made, found done, grown, shrunk and taken back, on lab hosts. k3s itself
// is a fake (test/support/k3s/fake-k3s): what it is given and asked, and what is left, is what is looked at. Needs root.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openStore } from '../../packages/image/src/index.ts';
import { type Lab, type LabHost, openLab } from '../../packages/lab/src/index.ts';
import { parseYamlStream } from '../../packages/runtime/src/cluster/yaml-stream.ts';
import { ensureInstalled } from '../../scripts/debian.ts';
import { onLabHost } from '../support/host-state.ts';
import { K3S_APPLICATION, K3S_IMAGE, makeK3sImages } from '../support/k3s/image.ts';
import { type Ended, runSealos } from '../support/run-sealos.ts';

ensureInstalled(['systemd-container', 'debootstrap', 'iproute2', 'openssh-client', 'zstd']);

const work = mkdtempSync(join(tmpdir(), 'sealos-k3s-'));
const cache = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'sealos', 'lab');
const lab: Lab = openLab({ directory: cache, name: `test-k3s-${process.pid}` });
let master: LabHost;
let worker: LabHost;

before(async () => {
  const [first, second] = await lab.up({ count: 2 });
  assert.ok(first && second);
  [master, worker] = [first, second];
  await using store = await openStore(join(work, 'store'));
  await makeK3sImages(store);
});

after(async () => {
  await lab.down();
  rmSync(work, { recursive: true, force: true });
});

const call = (...words: readonly string[]): Promise<Ended> => runSealos(work, ...words, '--known-hosts', master.knownHosts);
const on = (host: LabHost, command: string) => onLabHost(lab, host.name, `set -e\n${command}\n`);
const login = () => ['--pk', master.sshKey];

/** Runs sealos, which must succeed. */
async function sealos(...words: readonly string[]): Promise<Ended> {
  const ended = await call(...words);
  assert.equal(ended.status, 0, ended.stderr);
  return ended;
}

const options = async (host: LabHost) => parseYamlStream(await on(host, 'cat /etc/rancher/k3s/config.yaml'), host.name)[0]?.value ?? {};
const state = (name: string) => join(work, 'state/default', name);

/** What a call says that found nothing to do. */
const DONE = /is as it should be: nothing was changed/;

/** What is left of a cluster on a host: nothing. */
const LEFT = `ls -d /var/lib/sealos /etc/rancher /var/lib/rancher /run/k3s /root/.kube /usr/bin/k3s /etc/systemd/system/k3s.service /etc/systemd/system/sealos-api-address.service /var/lib/registry 2>/dev/null || true
grep -E 'sealos|apiserver' /etc/hosts || true
pgrep -fa '^containerd-shim' || true
find /var/lib/kubelet -mindepth 1 2>/dev/null || true`;

test('a server and an agent of k3s start with what sealos gives them, and let one another in by tokens that nobody else sees', async () => {
  writeFileSync(join(work, 'more.yaml'), 'cluster-cidr: 10.77.0.0/16\ntls-san: [k3s.example]\n');
  const words = ['--masters', master.ip, '--nodes', worker.ip, ...login(), '--config-file', join(work, 'more.yaml')];
  const { stdout, stderr } = await sealos('run', K3S_IMAGE, K3S_APPLICATION, ...words);

  const server = await options(master);
  const agent = await options(worker);
  assert.deepEqual([server['cluster-init'], server['server'], agent['cluster-init']], [true, undefined, undefined]);
  assert.deepEqual(server['tls-san'], ['127.0.0.1', 'apiserver.cluster.local', '10.103.97.2', master.ip, 'k3s.example']);
  assert.deepEqual(
    [server['cluster-cidr'], server['service-cidr'], server['flannel-backend']],
    ['10.77.0.0/16', '10.96.0.0/16', 'host-gw'],
  );
  assert.deepEqual(agent['node-label'], ['sealos.io/distribution=k3s', 'of=image']);
  assert.equal(agent['server'], 'https://apiserver.cluster.local:6443');
  for (const key of ['cluster-cidr', 'tls-san', 'disable', 'agent-token-file']) assert.equal(agent[key], undefined, key);

  const tokens = ['token', 'agent-token'].map((name) => readFileSync(state(`etc/${name}`), 'utf8'));
  assert.ok(tokens.every((token) => /^[0-9a-f]{64}$/.test(token)) && tokens[0] !== tokens[1]);
  const modes = `stat -c '%a %n' /etc/rancher/k3s/config.yaml /var/lib/sealos/data/default/etc/*token`;
  assert.equal(
    await on(master, modes),
    '600 /etc/rancher/k3s/config.yaml\n600 /var/lib/sealos/data/default/etc/agent-token\n600 /var/lib/sealos/data/default/etc/token\n',
  );
  assert.match(await on(worker, modes), /^600 .*config\.yaml\n600 .*agent-token\n$/, 'a worker has no token of control planes');
  const shown = [
    stdout,
    stderr,
    await on(master, 'cat /var/log/fake-k3s.log /etc/rancher/k3s/config.yaml'),
    readFileSync(state('Clusterfile'), 'utf8'),
  ];
  for (const text of shown) for (const token of tokens) assert.ok(!text.includes(token), 'a token is shown');

  assert.match(await on(master, 'cat /var/log/fake-k3s.log'), /^server\n/m);
  assert.equal(await on(worker, 'cat /var/log/fake-k3s.log /run/fake-init-cri'), 'agent\nk3s has its own\n');
  assert.match(
    await on(worker, 'grep -c . /etc/rancher/k3s/config.yaml.d/zz-k3s-sealos.yaml; getent hosts apiserver.cluster.local'),
    /^1\n10\.103\.97\.2 /,
  );
  assert.equal(await on(master, 'ls -d /etc/kubernetes /var/lib/etcd 2>/dev/null || true'), '', 'nothing of kubeadm');
});

test('gen prints the options that run would use, and such a Clusterfile leaves k3s as it is', async () => {
  const words = ['--masters', master.ip, '--nodes', worker.ip, ...login(), '--config-file', join(work, 'more.yaml')];
  const { stdout, stderr } = await runSealos(work, 'gen', K3S_IMAGE, K3S_APPLICATION, ...words);
  assert.equal(stderr, '');
  assert.match(stdout, /^cluster-cidr: 10\.77\.0\.0\/16$/m);
  assert.match(stdout, /^flannel-backend: host-gw$/m);
  assert.doesNotMatch(stdout, /kubeadm/);
  writeFileSync(join(work, 'Clusterfile'), stdout);
  const running = () => on(master, 'stat -c %Y /etc/rancher/k3s/config.yaml; systemctl show -p ExecMainPID k3s');
  const before = await running();
  await sealos('apply', '-f', join(work, 'Clusterfile'));
  assert.equal(await running(), before);
});

test('root on the control plane and the operator have the kubeconfig, and an application ran with it', async () => {
  assert.equal(await on(master, 'stat -c %a ~/.kube/config; grep server: ~/.kube/config'), '600\n    server: https://127.0.0.1:6443\n');
  assert.match(readFileSync(state('etc/admin.conf'), 'utf8'), /server: https:\/\/apiserver\.cluster\.local:6443$/m);
  assert.equal(statSync(state('etc/admin.conf')).mode & 0o777, 0o600);
  const nodes = await on(master, 'cat /var/lib/sealos/data/default/applications/*/workdir/nodes');
  assert.deepEqual(nodes.trim().split('\n').sort(), [`${master.name} ${master.ip}`, `${worker.name} ${worker.ip}`]);
});

test('the guard of workers lies where k3s looks, and takes for well an API that wants to know who asks', async () => {
  const pod = await on(worker, 'cat /var/lib/rancher/k3s/agent/pod-manifests/kube-sealos-lvscare.yaml 2>/dev/null || true');
  const balances = (await on(worker, 'ipvsadm -S -n 2>/dev/null || true')).includes('10.103.97.2:6443');
  if (balances) assert.match(pod, /- --health-status\n\s*- "401"/);
  // The guard of published images knows IPVS alone: where the kernel has none, there is no pod.
  else assert.equal(pod, '');
});

test('the same again changes nothing; other options, another version, certificates and etcd are refused in one line', async () => {
  const before = await on(master, 'stat -c %Y /etc/rancher/k3s/config.yaml; systemctl show -p ExecMainPID k3s');
  assert.match((await sealos('run', K3S_IMAGE, K3S_APPLICATION, ...login())).stdout, DONE);
  assert.equal(await on(master, 'stat -c %Y /etc/rancher/k3s/config.yaml; systemctl show -p ExecMainPID k3s'), before);
  writeFileSync(join(work, 'other.yaml'), 'flannel-backend: none\n');
  const refused = async (pattern: RegExp, ...words: readonly string[]) => {
    const { status, stderr } = await call(...words);
    assert.equal(status, 2, stderr);
    assert.match(stderr, pattern);
  };
  const runs = async () => {
    const other = ['--config-file', join(work, 'other.yaml')];
    await refused(/flannel-backend .*k3s keeps the options/, 'run', K3S_IMAGE, ...login(), ...other);
    await refused(/sealos does not upgrade k3s/, 'run', 'localhost/k3s:v1.28.2', ...login());
  };
  await Promise.all([runs(), refused(/does not look after certificates/, 'cert'), refused(/does not look after etcd/, 'etcd', 'health')]);
});

test('a worker that leaves is drained, and nothing of the cluster is left there; it can come back', async () => {
  await sealos('delete', '--nodes', worker.ip, '--yes');
  assert.equal(await on(worker, LEFT), '');
  assert.match(
    await on(master, 'cat /var/log/fake-k3s.log'),
    new RegExp(`kubectl drain ${worker.name} [^]*kubectl delete node ${worker.name}`),
  );
  assert.equal(await on(master, 'ls /var/lib/rancher/k3s/server/nodes'), `${master.name}\n`);
  await sealos('add', '--nodes', worker.ip);
  assert.equal(await on(master, 'ls /var/lib/rancher/k3s/server/nodes'), `${master.name}\n${worker.name}\n`);
});

test('after a reset nothing is left, pods that outlive the unit included', async () => {
  await sealos('reset', '--yes');
  for (const host of [master, worker]) assert.equal(await on(host, LEFT), '', host.name);
});
