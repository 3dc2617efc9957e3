// A cluster that sealos 5 made, taken over and gone on with: see as-sealos5.ts for what stands in for it.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { imageNames } from '../../scripts/cluster-images.ts';
import { type HostState, hostState, lastingDifferences } from '../support/host-state.ts';
import { until } from '../support/until.ts';
import { becomeSealos5, SEALOS5_HOME } from './as-sealos5.ts';
import { type LabCluster, openLabCluster } from './lab-cluster.ts';
import { buildRootfs, rootfsImage } from './stage.ts';

let cluster: LabCluster;
let pristine: readonly HostState[];
const on = (index: number, command: string) => cluster.on(index, command);
const DATA = '/var/lib/sealos/data/default';
interface Status {
  readonly problems: readonly unknown[];
  readonly registry?: { readonly healthy: boolean };
  readonly kubernetes?: { readonly nodes: readonly { readonly ready: boolean }[] };
}

before(async () => {
  cluster = await openLabCluster({ name: 'test-compat-adopt', count: 3, build: ({ work, call }) => buildRootfs(work, call) });
  const states: HostState[] = [];
  for (const { name } of cluster.hosts) states.push(await hostState(cluster.lab, name));
  pristine = states;
  const [master, worker] = cluster.hosts;
  await cluster.sealos('run', rootfsImage, imageNames.hostgw, '--masters', master?.ip ?? '', '--nodes', worker?.ip ?? '', ...cluster.login);
  await cluster.ready(2);
  await becomeSealos5(cluster);
});

after(async () => {
  await cluster?.[Symbol.asyncDispose]();
});

test('taking over 1: a cluster is taken over with what sealos 5 left on its first control plane, and nothing runs there again', async () => {
  const before = await on(0, 'cat /var/lib/compat/calls');
  const { stdout, stderr } = await cluster.told('adopt', '--masters', cluster.host(0).ip, ...cluster.login);
  assert.match(stdout, /cluster 'default' with 2 hosts is managed from here now/);
  assert.match(stderr, /the password in the Clusterfile is not kept/);
  assert.doesNotMatch(stdout + stderr, /of-another-time|passw0rd/);
  assert.equal(await on(0, 'cat /var/lib/compat/calls'), before);
  assert.equal(await on(0, `ls -d ${SEALOS5_HOME} 2>/dev/null || true`), '', 'two programs do not work on one cluster');
});

test('taking over 2: status sees the nodes and the registry, and no problem', async () => {
  // A node that has just come is ready before its pods are.
  const status = await until('status to have no problem', 120_000, async () => {
    const told: Status = JSON.parse(await cluster.sealos('status', '-o', 'json', ...cluster.login));
    if (told.problems.length > 0) throw new Error(JSON.stringify(told.problems));
    return told;
  });
  assert.deepEqual(
    status.kubernetes?.nodes.map(({ ready }) => ready),
    [true, true],
  );
  assert.equal(status.registry?.healthy, true);
});

test('taking over 3: cert tells the certificates, and gives the API another name', async () => {
  assert.match(await cluster.sealos('cert', ...cluster.login), /apiserver/);
  await cluster.sealos('cert', '--alt-names', 'taken.example', ...cluster.login);
  const names = `openssl s_client -connect 127.0.0.1:6443 </dev/null 2>/dev/null | openssl x509 -noout -ext subjectAltName`;
  assert.match(await on(0, names), /DNS:taken\.example/);
});

test('taking over 4: a worker is added with the images of the cluster, and finds the API as the others do', async () => {
  const before = await on(1, 'cat /var/lib/compat/calls');
  await cluster.sealos('add', '--nodes', cluster.host(2).ip, ...cluster.login);
  await cluster.ready(3);
  assert.match(await on(2, 'cat /var/lib/compat/calls'), /^init\.sh\|/m);
  assert.equal(await on(1, 'cat /var/lib/compat/calls'), before, "the images' scripts do not run again on hosts that were there");
  for (const index of [1, 2]) assert.match(await on(index, 'cat /etc/kubernetes/manifests/kube-sealos-lvscare.yaml'), /--vs/);
  assert.match(await cluster.sealos('run', rootfsImage, ...cluster.login), /nothing was changed/);
});

test('taking over 5: a host leaves, and one that sealos 5 had joined too', async () => {
  await cluster.sealos('delete', '--nodes', cluster.host(2).ip, '--yes', ...cluster.login);
  await cluster.sealos('delete', '--nodes', cluster.host(1).ip, '--yes', ...cluster.login);
  await cluster.ready(1);
  for (const index of [1, 2]) assert.deepEqual(await left(index), []);
});

test('taking over 6: reset leaves the hosts as they were before sealos 5', async () => {
  await cluster.sealos('reset', '--yes', ...cluster.login);
  assert.equal(await on(0, `ls -d ${DATA} 2>/dev/null || true`), '');
  assert.deepEqual(await left(0), []);
});

/** What of a host is not as it was when it was new. */
async function left(index: number): Promise<readonly string[]> {
  await on(index, 'rm -rf /var/lib/compat');
  return lastingDifferences(cluster.lab, cluster.host(index).name, pristine[index] ?? []);
}
