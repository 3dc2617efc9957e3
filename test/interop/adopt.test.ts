// What adopt reads and records on a host, with this machine as the host and a kubectl that answers as a cluster would. The state is laid down
// as sealos 5 leaves it, by this test: the program itself cannot run here.
import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { foreignCluster } from '../../packages/runtime/src/adopt/foreign-cluster.ts';
import { recordForeignWork } from '../../packages/runtime/src/adopt/foreign-markers.ts';
import { stateInDirectory, stateOnHost } from '../../packages/runtime/src/adopt/foreign-state.ts';
import { readLiveCluster } from '../../packages/runtime/src/adopt/live-cluster.ts';
import { type Host, openLocalHost, script } from '../../packages/runtime/src/index.ts';
import { hostLayout } from '../../packages/runtime/src/layout.ts';
import { lifecycleStep } from '../../packages/runtime/src/steps/lifecycle.ts';
import { withDirectory } from '../support/images.ts';

const { signal } = new AbortController();
const IP = '127.0.0.1';

const CLUSTERFILE = `apiVersion: apps.sealos.io/v1beta1
kind: Cluster
metadata: {name: NAME, creationTimestamp: "2024-01-01T00:00:00Z"}
spec:
  image: [labring/kubernetes:v1.29.9]
  hosts:
    - {ips: ["${IP}:22"], roles: [master, amd64]}
status:
  phase: ClusterSuccess
  mounts:
    - {name: default-abcdefgh, type: rootfs, imageName: "labring/kubernetes:v1.29.9", labels: {version: v1.29.9, sealos.io.type: rootfs, sealos.io.version: v1beta1}}
`;
const NODES = {
  items: [
    {
      metadata: { name: 'one', labels: { 'node-role.kubernetes.io/control-plane': '' } },
      status: {
        addresses: [
          { type: 'Hostname', address: 'one' },
          { type: 'InternalIP', address: IP },
        ],
      },
    },
  ],
};
const KUBEADM = {
  data: {
    ClusterConfiguration: `apiVersion: kubeadm.k8s.io/v1beta3
kind: ClusterConfiguration
controlPlaneEndpoint: apiserver.cluster.local:6443
networking: {podSubnet: 100.64.0.0/10, serviceSubnet: 10.96.0.0/22}
apiServer: {certSANs: [sealyun.com]}
`,
  },
};

/** This machine, with a home and programs of its own. */
async function withHost(use: (host: Host, home: string) => Promise<void>): Promise<void> {
  await withDirectory(async (work) => {
    await mkdir(join(work, 'bin'));
    await writeFile(join(work, 'nodes.json'), JSON.stringify(NODES));
    await writeFile(join(work, 'kubeadm.json'), JSON.stringify(KUBEADM));
    const kubectl = `#!/bin/sh\ncase "$*" in *"get nodes"*) cat ${work}/nodes.json ;; *kubeadm-config*) cat ${work}/kubeadm.json ;; *) exit 1 ;; esac\n`;
    await writeFile(join(work, 'bin', 'kubectl'), kubectl, { mode: 0o755 });
    const host = await openLocalHost({ address: { ip: IP, port: 22 }, signal });
    const inside: Host = {
      ...host,
      address: host.address,
      name: host.name,
      run: (line, options) => host.run(script`export HOME=${work} PATH=${`${work}/bin`}:"$PATH"; cd "$HOME"; ${line}`, options),
    };
    try {
      await use(inside, work);
    } finally {
      await host[Symbol.asyncDispose]();
    }
  });
}

async function layDown(home: string, name: string): Promise<void> {
  await mkdir(join(home, '.sealos', name), { recursive: true });
  await writeFile(join(home, '.sealos', name, 'Clusterfile'), CLUSTERFILE.replace('NAME', name));
}

test('the Clusterfile that sealos 5 put on a control plane is found, and of several the one that is named', async () => {
  await withHost(async (host, home) => {
    assert.equal(await stateOnHost(host, undefined, signal), undefined);
    await layDown(home, 'default');
    assert.equal((await stateOnHost(host, undefined, signal))?.file.cluster.name, 'default');
    await layDown(home, 'other');
    await assert.rejects(stateOnHost(host, undefined, signal), /several clusters: default, other/);
    assert.equal((await stateOnHost(host, 'other', signal))?.file.cluster.name, 'other');
    assert.equal((await stateInDirectory(join(home, '.sealos'), 'other')).file.cluster.name, 'other');
    assert.equal((await stateInDirectory(join(home, '.sealos', 'other'), undefined)).file.cluster.name, 'other');
    await assert.rejects(stateInDirectory(home, undefined), /no Clusterfile/);
  });
});

test('the cluster says who its nodes are, what its networks and the names of its API', async () => {
  await withHost(async (host, home) => {
    const live = await readLiveCluster(host, signal);
    assert.deepEqual(live.nodes, [{ name: 'one', ip: IP, controlPlane: true }]);
    assert.equal(live.endpoint, 'apiserver.cluster.local:6443');
    assert.deepEqual(live.document.content, {
      networking: { podSubnet: '100.64.0.0/10', serviceSubnet: '10.96.0.0/22' },
      apiServer: { certSANs: ['sealyun.com'] },
    });
    await writeFile(join(home, 'kubeadm.json'), '');
    await assert.rejects(readLiveCluster(host, signal), /not made by kubeadm/);
  });
});

test('what the other program did is recorded once and for all: its scripts do not run again, and nothing else changes', async (t) => {
  await withHost(async (host, home) => {
    const before = process.env['SEALOS_DATA_ROOT'];
    process.env['SEALOS_DATA_ROOT'] = join(home, 'data-root');
    t.after(() => {
      if (before === undefined) delete process.env['SEALOS_DATA_ROOT'];
      else process.env['SEALOS_DATA_ROOT'] = before;
    });
    await layDown(home, 'default');
    const state = await stateOnHost(host, undefined, signal);
    const { file } = foreignCluster({ state, live: await readLiveCluster(host, signal), name: 'default', ssh: {}, now: '' });
    const layout = hostLayout('default');
    await mkdir(layout.markers, { recursive: true });
    await writeFile(join(layout.markers, 'init'), 'a-hash-of-ours\n');
    await recordForeignWork(host, file.cluster, signal);
    await recordForeignWork(host, file.cluster, signal);
    assert.deepEqual(await readdir(layout.data), ['.sealos']);
    assert.deepEqual((await readdir(layout.markers)).sort(), [
      'check',
      'init',
      'init-cri',
      'init-registry',
      'kubeadm-init',
      'run_labring_kubernetes_v1.29.9',
    ]);
    assert.equal(await readFile(join(layout.markers, 'init'), 'utf8'), 'a-hash-of-ours\n');

    const step = (id: string) =>
      lifecycleStep({
        id,
        title: id,
        layout,
        needs: [],
        timeout: undefined,
        script: () => script`false`,
        hosts: [{ address: host.address, hostname: 'one', roles: ['master'], files: [], env: new Map(), member: true, facts: undefined }],
      });
    const context = { signal, onLine: () => {}, onBytes: () => {} };
    assert.equal(await step('init-cri').check(host, context), 'done');
    assert.notEqual(await step('init').check(host, context), 'done', 'of our own work the input counts');
  });
});
