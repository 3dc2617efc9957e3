// The commands of sealos 1 to 3 and an offline package in their shape, on real servers.
import assert from 'node:assert/strict';
import { basename } from 'node:path';
import { after, before, test } from 'node:test';
import { type LabCluster, openLabCluster } from './lab-cluster.ts';
import { makeOlderPackage, type OlderPackage } from './older-package.ts';

let cluster: LabCluster;
let older: OlderPackage;
const on = (index: number, command: string) => cluster.on(index, command);
const today = (stderr: string) => /^today this is: (.*)$/m.exec(stderr)?.[1];
/** The login as it stands in a command line that is shown. */
const shownLogin = () => `--pk=${cluster.host(0).sshKey} --known-hosts=${cluster.host(0).knownHosts}`;

before(async () => {
  cluster = await openLabCluster({
    name: 'test-compat-older',
    count: 3,
    build: async ({ work, storage, callIn }) => {
      older = await makeOlderPackage(storage, work, callIn);
    },
  });
});

after(async () => {
  await cluster?.[Symbol.asyncDispose]();
});

test('habit 1: init brings an offline package to a cluster whose nodes are ready', async () => {
  const [master, worker] = cluster.hosts;
  const { stderr } = await cluster.told(
    ...['init', '--master', master?.ip ?? '', '--node', worker?.ip ?? '', '--pkg-url', older.file, '--version', older.version],
    ...['--pk', cluster.host(0).sshKey, '--known-hosts', cluster.host(0).knownHosts],
  );
  const name = `localhost/${basename(older.file, '.tar.gz')}:converted`;
  assert.equal(
    today(stderr),
    `sealos convert ${older.file} -t ${name} --version ${older.version} && sealos run ${name} --masters ${master?.ip} --nodes ${worker?.ip} ${shownLogin()}`,
  );
  await cluster.ready(2);
  const versions = await on(0, "kubectl get nodes -o 'jsonpath={.items[*].status.nodeInfo.kubeletVersion}'");
  assert.equal(versions, `${older.version} ${older.version}`);
});

test("habit 2: the package's scripts ran on every host in their own directory, but for the one that calls kubeadm", async () => {
  for (const index of [0, 1]) {
    const log = await on(index, 'cat /var/log/older-package.log');
    assert.equal(log, ['containerd', 'init'].map((name) => `${name} in /var/lib/sealos/data/default/rootfs/shell\n`).join(''));
  }
});

test("habit 3: the package's images, network and kubeadm file are those of the cluster", async () => {
  const images = await on(0, "kubectl -n kube-system get pods -o 'jsonpath={.items[*].spec.containers[*].image}'");
  for (const image of ['k8s.gcr.io/kube-apiserver:', 'k8s.gcr.io/kube-proxy:', 'sealos.local/hostgw:'])
    assert.ok(images.includes(image), image);
  const configuration = await on(0, "kubectl -n kube-system get configmap kubeadm-config -o 'jsonpath={.data.ClusterConfiguration}'");
  assert.match(configuration, /event-ttl: 3h0m0s/);
  assert.match(configuration, /imageRepository: k8s\.gcr\.io/);
  assert.match(await on(0, 'ls /var/lib/registry/docker/registry/v2/repositories'), /kube-apiserver/);
});

test('habit 4: join adds a worker', async () => {
  const { stderr } = await cluster.told(
    ...['join', '--node', cluster.host(2).ip, '--pk', cluster.host(0).sshKey, '--known-hosts', cluster.host(0).knownHosts],
  );
  assert.equal(today(stderr), `sealos add --nodes ${cluster.host(2).ip} ${shownLogin()}`);
  await cluster.ready(3);
});

test('habit 5: clean of a host takes it out of the cluster and leaves no Kubernetes there', async () => {
  const { stderr } = await cluster.told(
    ...['clean', '--node', cluster.host(2).ip, '--force', '--pk', cluster.host(0).sshKey, '--known-hosts', cluster.host(0).knownHosts],
  );
  assert.equal(today(stderr), `sealos delete --nodes ${cluster.host(2).ip} --yes ${shownLogin()}`);
  await cluster.ready(2);
  await assertClean(2);
});

test('habit 6: clean of all removes the cluster from every host', async () => {
  const clean = ['clean', '--all', '--force', '--pk', cluster.host(0).sshKey, '--known-hosts', cluster.host(0).knownHosts];
  const { stderr } = await cluster.told(...clean);
  assert.equal(today(stderr), `sealos reset --yes ${shownLogin()}`);
  for (const index of [0, 1]) await assertClean(index);
});

async function assertClean(index: number): Promise<void> {
  assert.equal(await on(index, 'ps -eo comm= | grep -xE "kubelet|etcd|kube-apiserver|kube-proxy|registry|containerd.*" || true'), '');
  assert.equal(
    await on(
      index,
      'ls -d /etc/kubernetes /var/lib/etcd /var/lib/sealos /var/lib/registry /var/lib/kubelet /usr/bin/kube* /usr/bin/containerd /var/lib/containerd /etc/systemd/system/{kubelet,containerd,registry}.service 2>/dev/null || true',
    ),
    '',
  );
  assert.equal(await on(index, 'grep -E "sealos.hub|apiserver.cluster.local|lvscare" /etc/hosts || true'), '');
}
