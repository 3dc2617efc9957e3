// Rootfs images in the manner of those of 2022 and of early 2023, each run to a real cluster of one host; today's is in cluster.test.ts.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { imageNames } from '../../scripts/cluster-images.ts';
import { hostState, lastingDifferences } from '../support/host-state.ts';
import { buildFirstGeneration } from './first-generation.ts';
import { type LabCluster, openLabCluster, type Told } from './lab-cluster.ts';

const IMAGE = 'localhost/kubernetes:2022';
const SECOND = 'localhost/kubernetes:2023';
let cluster: LabCluster;
let pristine: Awaited<ReturnType<typeof hostState>>;
let told: Told;
const on = (command: string) => cluster.on(0, command);
const calls = async (generation = 'first') => (await on(`cat /var/lib/${generation}-generation/calls`)).trim().split('\n');

async function assertAsksForLogin(): Promise<void> {
  const status = (login: string) => on(`curl -s -o /dev/null -w '%{http_code}' ${login} http://sealos.hub:5000/v2/_catalog`);
  assert.equal(await status('-u admin:passw0rd'), '200');
  assert.equal(await status(''), '401');
  assert.match(await on('curl -s -u admin:passw0rd http://sealos.hub:5000/v2/_catalog'), /kube-apiserver/);
}

async function assertAsBefore(): Promise<void> {
  assert.deepEqual(await lastingDifferences(cluster.lab, cluster.host(0).name, pristine), []);
}

before(async () => {
  cluster = await openLabCluster({
    name: 'test-compat-2022',
    count: 1,
    build: async (making) => {
      await buildFirstGeneration(IMAGE, making);
      await making.call('build', '-q', '-t', SECOND, '--save-image=false', join(import.meta.dirname, 'second-generation'));
    },
  });
  pristine = await hostState(cluster.lab, cluster.host(0).name);
  told = await cluster.told('run', IMAGE, imageNames.hostgw, '--masters', cluster.host(0).ip, ...cluster.login);
  await cluster.ready(1);
});

after(async () => {
  await cluster?.[Symbol.asyncDispose]();
});

test('generation 1: an image of 2022 becomes a cluster, and it is said how it is run', () => {
  assert.match(told.stderr + told.stdout, /kubernetes:2022 is an image of 2022 .*as sealos 4\.1 did/);
});

test('generation 1: its scripts are called as its labels say: the registry after the container runtime, then the login', async () => {
  assert.deepEqual(await calls(), [
    'check.sh /var/lib/registry',
    'init.sh /var/lib/containerd sealos.hub 5000 admin passw0rd',
    'init-containerd.sh /var/lib/containerd admin passw0rd',
    'init-shim.sh',
    'init-kube.sh',
    'init-registry.sh 5000 /var/lib/registry /etc/registry',
    'auth.sh',
  ]);
});

test('generation 1: its registry is a container that has the images and asks for the login', async () => {
  assert.match(await on('ctr task ls'), /^sealos-registry +\d+ +RUNNING$/m);
  await assertAsksForLogin();
});

test('generation 1: its shim finds the lists of container images, the kubelet the flags that its own file has', async () => {
  assert.match(await on('cat /var/lib/first-generation/lists'), /^DefaultImageList$/m);
  assert.match(await on("tr '\\0' ' ' < /proc/$(pidof kubelet)/cmdline"), /--pod-infra-container-image=sealos\.hub:5000\/.*pause:/);
});

test('generation 1: run again it changes nothing; reset leaves the host as it was', async () => {
  assert.match(await cluster.sealos('run', IMAGE, ...cluster.login), /nothing was changed/);
  await cluster.sealos('reset', '-y', ...cluster.login);
  assert.deepEqual((await calls()).slice(-2), ['clean-registry.sh /var/lib/registry /etc/registry', 'clean.sh /var/lib/containerd']);
  await on('rm -r /var/lib/first-generation');
  await assertAsBefore();
});

test('generation 2: an image of early 2023 becomes a cluster; its scripts are called as its labels say, the last before kubeadm is auth', async () => {
  const { stdout, stderr } = await cluster.told('run', SECOND, imageNames.hostgw, '--masters', cluster.host(0).ip, ...cluster.login);
  assert.doesNotMatch(stdout + stderr, /image of 2022/);
  await cluster.ready(1);
  assert.deepEqual(await calls('second'), [
    'check.sh /var/lib/registry',
    'init-registry.sh /var/lib/registry /etc/registry',
    'init-cri.sh sealos.hub 5000',
    'init.sh',
    'init-shim.sh',
    'auth.sh',
  ]);
});

test('generation 2: its registry is a service that has the images and asks for the login', async () => {
  assert.equal((await on('systemctl is-active registry')).trim(), 'active');
  await assertAsksForLogin();
});

test('generation 2: what its templates choose by the version of Kubernetes is chosen, and the kubelet has the flags of its own file', async () => {
  assert.equal(
    await on('cat /etc/image-cri-shim.yaml'),
    [
      'shim: /var/run/image-cri-shim.sock',
      'cri: /var/run/containerd/containerd.sock',
      'address: http://sealos.hub:5000',
      'force: true',
      'debug: false',
      'image: /var/lib/image-cri-shim',
      'version: v1alpha2',
      'sync: 0',
      'timeout: 15m',
      'auth: admin:passw0rd\n',
    ].join('\n'),
  );
  const flags = await on("tr '\\0' ' ' < /proc/$(pidof kubelet)/cmdline");
  assert.match(flags, /--container-runtime=remote --pod-infra-container-image=sealos\.hub:5000\/pause:\S+ --runtime-request-timeout=15m /);
  assert.match(flags, /--image-service-endpoint=unix:\/\/\/var\/run\/image-cri-shim\.sock/);
});

test('generation 2: run again it changes nothing; reset leaves the host as it was', async () => {
  assert.match(await cluster.sealos('run', SECOND, ...cluster.login), /nothing was changed/);
  await cluster.sealos('reset', '-y', ...cluster.login);
  assert.deepEqual((await calls('second')).slice(-3), [
    'clean.sh',
    'clean-cri.sh /var/lib/containerd',
    'clean-registry.sh /var/lib/registry /etc/registry',
  ]);
  await on('rm -r /var/lib/second-generation');
  await assertAsBefore();
});
