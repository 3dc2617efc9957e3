// A rootfs image in the manner of those of 2022, run to a real cluster of one host.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { imageNames } from '../../scripts/cluster-images.ts';
import { hostState, lastingDifferences } from '../support/host-state.ts';
import { buildFirstGeneration } from './first-generation.ts';
import { type LabCluster, openLabCluster, type Told } from './lab-cluster.ts';

const IMAGE = 'localhost/kubernetes:2022';
let cluster: LabCluster;
let pristine: Awaited<ReturnType<typeof hostState>>;
let told: Told;
const on = (command: string) => cluster.on(0, command);
const calls = async () => (await on('cat /var/lib/first-generation/calls')).trim().split('\n');

before(async () => {
  cluster = await openLabCluster({
    name: 'test-compat-2022',
    count: 1,
    build: (making) => buildFirstGeneration(IMAGE, making),
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
  const status = (login: string) => on(`curl -s -o /dev/null -w '%{http_code}' ${login} http://sealos.hub:5000/v2/_catalog`);
  assert.equal(await status('-u admin:passw0rd'), '200');
  assert.equal(await status(''), '401');
  assert.match(await on('curl -s -u admin:passw0rd http://sealos.hub:5000/v2/_catalog'), /kube-apiserver/);
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
  const name = cluster.host(0).name;
  assert.deepEqual(await lastingDifferences(cluster.lab, name, pristine), []);
});
